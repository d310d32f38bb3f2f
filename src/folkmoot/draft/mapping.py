"""From a statement to what it asks of an assistant: is it about conduct, and which concepts and stances?

A transparent mapper of rules, not a model: `cues.toml` holds every pattern, the reason of every verdict names what it
rests on, and where the rules are unsure they abstain. Only English is covered; a statement in another language is said
to be uncovered, never guessed at. How often it is right is measured (benchmarks/bench_mapping.py).

A statement is read in four steps. Its subject must be the assistant, named ("the AI should") or, in a consultation in
which most statements name it, understood ("never lie"). What is left is matched against the cues, each with its
polarity: an odd number of negations between the start of the clause and the cue turns it round. Conditions ("unless",
"even if") are cut off first. What opposes a settled concept bears on nothing.
"""

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from folkmoot.concepts import concepts
from folkmoot.draft.language import Language, languages_of
from folkmoot.errors import FolkmootError
from folkmoot.records import Bearing, Statement
from folkmoot.similarity import clean

Conduct = Literal["yes", "no", "abstain"]

Basis = Literal["concepts", "conduct", "opposes", "mixed", "other", "unsure", "language", "empty"]
"""What a verdict rests on: concepts found; conduct without a concept; the opposite of a settled concept; both stances of
a contested one; another matter; nothing either way; a language not covered; no words."""

_UNDERSTOOD_FROM = 0.5
"""Share of a consultation's statements that must name the assistant before an unnamed subject is taken for it."""

_LONGEST = 2_000
"""Characters of a statement that are read; what is longer is no single wish."""


@dataclass(frozen=True, slots=True)
class Mapped:
    """What a statement asks of an assistant.

    Attributes:
        conduct: whether it is about how an assistant behaves, so that answers can be compared by it.
        bearings: the concepts it bears on, with stances; empty unless conduct is "yes".
        reason: one sentence on what the verdict rests on.
    """

    statement_id: str
    conduct: Conduct
    bearings: tuple[Bearing, ...]
    basis: Basis
    reason: str


# ------------------------------------------------------------------ cues


class _Other(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    reason: str
    strong: bool
    patterns: list[str]


class _General(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    patterns: list[str]


class _FileCue(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    concept: str
    stance: str | None = None
    polarity: Literal["affirmed", "negated", "any"]
    patterns: list[str] = Field(min_length=1)
    turned: str = ""
    unless: str = ""
    whole: bool = False
    decides: bool = False


class _ToReader(_General):
    reason: str


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    schema_version: Literal[1]
    to_reader: _ToReader
    other: list[_Other]
    conduct: list[_General]
    cue: list[_FileCue]


@dataclass(frozen=True, slots=True)
class _Cue:
    concept: str
    stance: str | None
    polarity: str
    pattern: re.Pattern[str]
    turned: str
    unless: re.Pattern[str] | None
    whole: bool
    decides: bool


@dataclass(frozen=True, slots=True)
class _Cues:
    to_reader: tuple[re.Pattern[str], str]
    strong: tuple[tuple[re.Pattern[str], str], ...]
    weak: tuple[tuple[re.Pattern[str], str], ...]
    general: re.Pattern[str]
    cues: tuple[_Cue, ...]


@cache
def _cues() -> _Cues:
    text = resources.files("folkmoot.draft").joinpath("cues.toml").read_text(encoding="utf-8")
    file = _File.model_validate(tomllib.loads(text))
    others = [(o.strong, (_pattern(o.patterns), o.reason)) for o in file.other]
    return _Cues(
        to_reader=(_pattern(file.to_reader.patterns), file.to_reader.reason),
        strong=tuple(other for strong, other in others if strong),
        weak=tuple(other for strong, other in others if not strong),
        general=_pattern([p for general in file.conduct for p in general.patterns]),
        cues=tuple(_cue(c) for c in file.cue),
    )


def _cue(file: _FileCue) -> _Cue:
    concept = concepts().get(file.concept)
    if concept is None or concept.placebo:
        raise FolkmootError(f"no statement may bear on {file.concept!r}", where="cues.toml", do="use another concept")
    if (file.stance is not None) != concept.contested or (file.stance and file.stance not in concept.stances):
        raise FolkmootError(
            f"{file.concept!r} has no stance {file.stance!r}", where="cues.toml", do="see concepts.toml"
        )
    turned = file.turned or ("silent" if concept.contested else "opposes")
    if turned not in {"silent", *(concept.stances or ("opposes",))}:
        raise FolkmootError(
            f"{file.concept!r} cannot turn to {turned!r}", where="cues.toml", do="see the file's header"
        )
    unless = _pattern([file.unless]) if file.unless else None
    return _Cue(
        file.concept, file.stance, file.polarity, _pattern(file.patterns), turned, unless, file.whole, file.decides
    )


def _pattern(patterns: Sequence[str]) -> re.Pattern[str]:
    return re.compile(r"(?<!\w)(?:" + "|".join(f"(?:{p})" for p in patterns) + r")(?!\w)")


# ------------------------------------------------------------------ preparing a statement

_ASSISTANT = (
    r"(?:(?:the|an?|any|our|this|your|all|every|such) )?(?:\w+'s )?"
    r"(?:(?:new|public|digital|virtual|online|town|city|council|municipal|civic|library|community|local) ){0,2}"
    r"(?:(?:ai|a\.i\.|a i|artificial intelligence)(?:'s|s)?(?: (?:assistants?|chat ?bots?|bots?|systems?|models?|programs?|tools?|helpers?))?"
    r"|assistants?|chat ?bots?|language models?|llms?|robots?)"
)
_MODAL = r"(?:should|shall|must|may|might|can|could|will|would|needs?|ought|has to|have to|had better|is to|are to|does|do|never|always)"
_OPENING = (
    r"(?:(?:so|and|but|also|please|i (?:really )?(?:think|believe|feel|want|would like|wish|hope|expect|like)(?: it is important)?(?: that| like)?"
    r"|in my (?:opinion|view),?|it is (?:important|essential|vital|crucial) that|ideally,?|have|make sure(?: that)?|we (?:want|need)) )*+"
)
_NAMED = re.compile(rf"^{_OPENING}{_ASSISTANT}(?= )|(?<!\w){_ASSISTANT}(?= {_MODAL}(?!\w))")
_MENTIONED = re.compile(rf"(?<!\w){_ASSISTANT}(?!\w)")
_PASSIVE = re.compile(
    rf"(?<!\w){_MODAL} .*(?<!\w)(?:\w+ed|made|taken|given|done|written|told|said|kept) by {_ASSISTANT}(?!\w)"
)
_IMPERATIVE = (
    r"(?:be|being|do|say|tell|ask|give|keep|help|answer|respect|listen|admit|explain|warn|treat|protect|stay|remain|refuse|avoid|stop"
    r"|use|provide|encourage|show|speak|respond|cite|ignore|stick|leave|let|make|remember|present|promote|follow|obey|refer)"
)
_UNDERSTOOD = re.compile(
    rf"^{_OPENING}(?:(?:it|they|this|these|everyone|everybody|all (?:people|users|humans|questions)|users) (?={_MODAL}(?!\w))"
    rf"|(?={_MODAL} |not |no |{_IMPERATIVE} ))"
)

_DESCRIBES = re.compile(
    r"^(?:is|are|was|were|isn't|aren't|has been|have been|seems?|looks?)(?!\w)(?! (?:to|supposed|required|meant|expected)(?!\w))"
)
"""What says how things are, and asks for nothing."""

_SPELLING = (
    (re.compile(r"\b(?:e\.g|i\.e)\.,?"), "such as"),
    (re.compile(r"\b(can)not\b"), r"\1 not"),
    (re.compile(r"\b(?:can't|cant)\b"), "can not"),
    (re.compile(r"\bwon'?t\b(?= \w)"), "will not"),
    (
        re.compile(r"\b(should|would|could|must|need|do|does|is|are|was|were|has|have|did|ought|might|dos)n'?t\b"),
        r"\1 not",
    ),
    (re.compile(r"\b(should|must)(be|not|always|never)\b"), r"\1 \2"),
    (re.compile(r"\bnot only\b|\bno matter\b|\bno longer\b"), "also"),
    (re.compile(r"\bnot (?:be afraid|hesitate|fail|forget) to\b|\bnever (?:fail|forget|hesitate) to\b"), "always"),
    (re.compile(r"\bwhy not\b|\bwhether or not\b|\bor not\b"), ""),
)
_CONDITION = re.compile(
    r"[,(]?(?<!\w)(?:unless|except|even (?:when|if|though)|regardless of|as long as|so long as|no matter)(?!\w)[^.;!?]*"
)
_CLAUSE_END = re.compile(
    r"[.;!?:]|(?<!\w)(?:but|however|instead(?! of)|yet)(?!\w)|(?:,|(?<!\w)and|(?<!\w)or)(?= (?:it |they )?(?:should|must|always|just|rather|will|stick|also)(?!\w))"
    r"|(?<!\w)and(?= (?:be|stay|remain|encourage|help|respect|keep|give|leave)(?!\w))"
)
_NEGATION = re.compile(
    r"(?<!\w)(?:not|never|no|neither|none|nothing|without|avoid\w*|refrain\w*|refus\w*|declin\w*|stop\w*|prevent\w*"
    r"|prohibit\w*|forbid\w*|discourag\w*|oppos\w*|against|free (?:of|from)|reject\w*|instead of|rather than|combat\w*|fight\w*"
    r"|debunk\w*|counter\w*|remov\w*|block\w*|ignor\w*|censor\w*|filter\w*|reduc\w*|minimi[sz]\w*|eliminat\w*|invad\w*"
    r"|violat\w*|breach\w*|infring\w*|protect(?:s|ed|ing)? (?:\w+ ){0,2}(?:from|against)|warn(?:s|ed|ing)?|guard\w* against|report(?:s|ing)?|zero|less|lack\w*|hid(?:e|es|ing))(?!\w)"
)


def prepare(text: str) -> str:
    """Return a statement as the cues see it: one line, lower case, contractions written out, outer quotes off."""
    line = re.sub(r"\bA[lI1](s?)\b(?= [a-z])", r"AI\1", clean(text[: _LONGEST * 2])[:_LONGEST]).strip("\"' ")
    line = line.casefold().replace("self harm", "self-harm").replace("selfharm", "self-harm")
    for pattern, replacement in _SPELLING:
        line = pattern.sub(replacement, line)
    return " ".join(line.split())


def names_assistant(text: str) -> bool:
    """Return whether the statement names an assistant as the one who should act."""
    return bool(_NAMED.search(prepare(text)))


# ------------------------------------------------------------------ mapping


def map_statements(statements: Sequence[Statement], language: str = "und") -> tuple[Mapped, ...]:
    """Map every statement of one consultation, in order.

    Whether an unnamed subject ("never lie") is the assistant depends on the consultation: it is when at least half of
    the statements in a covered language name the assistant. `language` is the consultation's BCP 47 tag.
    """
    languages = languages_of([s.text for s in statements], language)
    english = [s.text for s, spoken in zip(statements, languages, strict=True) if spoken != "other"]
    named = sum(names_assistant(t) for t in english)
    understood = bool(english) and named >= _UNDERSTOOD_FROM * len(english)
    return tuple(
        map_statement(statement, spoken, understood=understood)
        for statement, spoken in zip(statements, languages, strict=True)
    )


def map_statement(statement: Statement, language: Language = "english", *, understood: bool = False) -> Mapped:
    """Map one statement; `understood` says that an unnamed subject is the assistant."""
    line = prepare(statement.text)
    if not re.search(r"\w", line):
        return Mapped(statement.id, "no", (), "empty", "it holds no words")
    if language == "other":
        return Mapped(statement.id, "abstain", (), "language", "its language is not covered: only English is")
    to_reader, reason = _cues().to_reader
    if found := to_reader.search(line):
        return Mapped(statement.id, "no", (), "other", f"{reason} (“{found[0]}”)")
    predicate = _predicate(line, understood=understood)
    if predicate is None:
        about = (
            "it speaks about AI, not of what an assistant does" if _MENTIONED.search(line) else "it names no assistant"
        )
        return Mapped(statement.id, "no", (), "other", about)
    return _read(statement.id, predicate)


def _predicate(line: str, *, understood: bool) -> str | None:
    """Return what the statement says of the assistant, or None if the assistant is not its subject."""
    sentences = [s for s in re.split(r"(?<=[.!?;]) (?=\w)", line) if s]
    wishes: list[str] = []
    for sentence in sentences:
        wish = _wish(sentence, understood=understood or bool(wishes))
        if wish is not None and not _DESCRIBES.match(wish):
            wishes.append(wish)
    return " ".join(wishes) if wishes else None


def _wish(sentence: str, *, understood: bool) -> str | None:
    if named := _NAMED.search(sentence):
        return sentence[named.end() :].strip()
    if _PASSIVE.search(sentence):
        return sentence
    if not understood or _MENTIONED.search(sentence):
        return None
    opening = _UNDERSTOOD.match(sentence)
    return sentence[opening.end() :].strip() if opening else None


@dataclass(frozen=True, slots=True)
class _Hit:
    concept: str
    stance: str | None
    words: str
    outcome: Literal["for", "opposes", "silent"]
    decides: bool


def _read(statement_id: str, predicate: str) -> Mapped:
    table = _cues()
    for pattern, reason in table.strong:
        if found := pattern.search(predicate):
            return Mapped(statement_id, "no", (), "other", f"{reason} (“{found[0]}”)")
    hits = _hits(predicate, table.cues)
    supported = {hit.concept for hit in hits if hit.outcome == "for"}
    if opposed := [hit for hit in hits if hit.outcome == "opposes" and hit.concept not in supported]:
        reason = f"it asks for the opposite of {opposed[0].concept} (“{opposed[0].words}”)"
        return Mapped(statement_id, "yes", (), "opposes", reason)
    bearings, mixed = _bearings(hits)
    if mixed:
        return Mapped(statement_id, "yes", (), "mixed", f"it speaks for both stances on {', '.join(mixed)}")
    if bearings:
        words = ", ".join(f"“{w}”" for w in dict.fromkeys(hit.words for hit in hits if hit.outcome == "for"))
        return Mapped(statement_id, "yes", bearings, "concepts", f"it says {words}")
    return _without_concept(statement_id, predicate, hits)


def _without_concept(statement_id: str, predicate: str, hits: Sequence[_Hit]) -> Mapped:
    table = _cues()
    if hits:
        return Mapped(
            statement_id, "yes", (), "conduct", f"it is about {hits[0].concept}, but to what end is not plain"
        )
    if found := table.general.search(predicate):
        return Mapped(statement_id, "yes", (), "conduct", f"it is about conduct (“{found[0]}”) that no concept covers")
    for pattern, reason in table.weak:
        if found := pattern.search(predicate):
            return Mapped(statement_id, "no", (), "other", f"{reason} (“{found[0]}”)")
    return Mapped(statement_id, "abstain", (), "unsure", "no cue says whether it is about conduct")


def _hits(predicate: str, cues: Sequence[_Cue]) -> list[_Hit]:
    bare = _CONDITION.sub(" ", predicate)
    hits: list[_Hit] = []
    for cue in cues:
        text = predicate if cue.whole else bare
        if cue.unless is None or not cue.unless.search(predicate):
            hits.extend(_hit(cue, found, text) for found in cue.pattern.finditer(text))
    deciding = {hit.concept for hit in hits if hit.decides and hit.outcome == "for"}
    return [hit for hit in hits if hit.decides or hit.concept not in deciding]


def _hit(cue: _Cue, found: re.Match[str], text: str) -> _Hit:
    expected = cue.polarity in {"any", "negated" if _negated(text, found.start()) else "affirmed"}
    if expected:
        return _Hit(cue.concept, cue.stance, found[0], "for", cue.decides)
    if cue.turned in {"opposes", "silent"}:
        outcome: Literal["opposes", "silent"] = "opposes" if cue.turned == "opposes" else "silent"
        return _Hit(cue.concept, None, found[0], outcome, cue.decides)
    return _Hit(cue.concept, cue.turned, found[0], "for", cue.decides)


def _negated(text: str, position: int) -> bool:
    """Return whether an odd number of negations stands before `position` in its clause."""
    ends = [found.end() for found in _CLAUSE_END.finditer(text, 0, position)]
    start = ends[-1] if ends else 0
    return len(_NEGATION.findall(text, start, position)) % 2 == 1


def _bearings(hits: Sequence[_Hit]) -> tuple[tuple[Bearing, ...], list[str]]:
    """Return the bearings in the order of concepts.toml, and the contested concepts spoken for both ways."""
    stances: dict[str, set[str | None]] = {}
    for hit in hits:
        if hit.outcome == "for":
            stances.setdefault(hit.concept, set()).add(hit.stance)
    mixed = [concept for concept, taken in stances.items() if len(taken) > 1]
    ordered = [name for name in concepts() if name in stances and name not in mixed]
    return tuple(Bearing(name, next(iter(stances[name]))) for name in ordered), mixed
