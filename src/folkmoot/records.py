"""The shared vocabulary: what the stages hand to one another.

Records are frozen and slotted. A record's id is ``kind:hash`` of its content, so equal content has one id on every
machine. Nothing here identifies a participant: the finest grain is a tally of a statement within an opinion group.
"""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

SMALL_CELL = 10
"""Cells with fewer people than this are suppressed wherever results are shown."""


def content_id(kind: str, content: Any) -> str:
    """Return ``kind:`` and the first 16 hex digits of the SHA-256 of `content` as canonical JSON.

    `content` may hold dataclasses, mappings, sequences and plain values.
    """
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=_plain)
    return f"{kind}:{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def _plain(value: object) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    raise TypeError(f"no canonical form for {type(value).__name__}")


# ------------------------------------------------------------------ listen


@dataclass(frozen=True, slots=True)
class Tally:
    """Votes on one statement by one set of people: counts of agree (+1), disagree (-1) and pass (0)."""

    agree: int = 0
    disagree: int = 0
    passed: int = 0

    @property
    def seen(self) -> int:
        """Everyone who voted, passes included."""
        return self.agree + self.disagree + self.passed


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence participants voted on. `moderated` is Polis's -1 (out), 0 (unmoderated), 1 (in)."""

    id: str
    text: str
    moderated: int = 0
    is_meta: bool = False


class Band(StrEnum):
    """How sure it is whether a statement is agreed by all groups."""

    AGREED = "agreed"  # in at least 95% of resamples
    NOT_AGREED = "not agreed"  # in at most 5%
    CONTESTED = "contested"  # in between: other people of the same public would have decided otherwise
    INSUFFICIENTLY_SEEN = "insufficiently seen"  # too few people of some group voted on it
    NOT_COUNTED = "not counted"  # moderated out, or about the consultation itself


@dataclass(frozen=True, slots=True)
class StatementOpinion:
    """What the public thinks of one statement.

    Attributes:
        by_group: one tally per opinion group, in the order of `Opinion.group_sizes`.
        group_aware_consensus: product over groups of (agree + 1) / (seen + 2), in [0, 1].
        interval: 95% interval of the group-aware consensus (bootstrap over participants, grouped anew).
        agreed: whether all groups accept it (see `Opinion.threshold`).
        inclusion_probability: share of resamples in which it is agreed.
        band: how sure it is that it is agreed.
    """

    statement: Statement
    overall: Tally
    by_group: tuple[Tally, ...]
    group_aware_consensus: float
    interval: tuple[float, float]
    agreed: bool
    inclusion_probability: float
    band: Band


@dataclass(frozen=True, slots=True)
class Opinion:
    """The result of listening: sizes, groups and statements with their tallies; no participant in it.

    Attributes:
        consultation: a short name for the consultation.
        threshold: the group-aware consensus from which a statement counts as agreed.
        group_sizes: people in each opinion group (only those grouped).
        attribution: licence or attribution text that must travel with results; may be empty.
        simulated: the votes come from simulated participants.
        language: BCP 47 tag of the statements, or "und".
    """

    consultation: str
    participants: int
    participants_in: int
    votes: int
    threshold: float
    group_sizes: tuple[int, ...]
    statements: tuple[StatementOpinion, ...]
    attribution: str = ""
    simulated: bool = False
    language: str = "und"


# ------------------------------------------------------------------ draft


@dataclass(frozen=True, slots=True)
class Bearing:
    """A concept of `concepts.toml` that a principle bears on, with the stance it takes if the concept is contested."""

    concept: str
    stance: str | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a principle comes from.

    Attributes:
        kind: "statement" of the public, "article" of a source, or "hand" (written or edited by a person).
        ref: the statement id, or ``udhr:19``.
        support: for statements, the share agreeing in each opinion group; empty where a cell is suppressed.
        quote: statement text or the article's title.
    """

    kind: Literal["statement", "article", "hand"]
    ref: str
    support: tuple[float, ...] = ()
    quote: str = ""


@dataclass(frozen=True, slots=True)
class Principle:
    """One rule of a constitution, with the three requests by which a teacher applies it."""

    text: str
    critique_request: str
    revision_request: str
    comparison_question: str
    weight: float
    origins: tuple[Origin, ...]
    bearings: tuple[Bearing, ...]

    @property
    def id(self) -> str:
        """Id from the content that acts: text, requests and bearings (weight and origins may change under it)."""
        return content_id(
            "principle",
            [self.text, self.critique_request, self.revision_request, self.comparison_question, self.bearings],
        )


@dataclass(frozen=True, slots=True)
class Constitution:
    """Principles, and the marks that travel with them.

    Attributes:
        marks: sentences that must appear wherever results of this constitution appear (simulated input, …).
    """

    title: str
    principles: tuple[Principle, ...]
    sources: tuple[str, ...] = ()
    attribution: str = ""
    marks: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """Id from the whole content."""
        return content_id("constitution", self)

    @property
    def from_public(self) -> tuple[Principle, ...]:
        """Principles with at least one statement among their origins."""
        return tuple(p for p in self.principles if any(o.kind == "statement" for o in p.origins))

    def weight_by_concept(self) -> dict[str, float]:
        """Return the summed principle weight per concept; a principle's weight counts in full for each concept."""
        weights: dict[str, float] = {}
        for principle in self.principles:
            for concept in dict.fromkeys(b.concept for b in principle.bearings):  # in order, where a set has none
                weights[concept] = weights.get(concept, 0.0) + principle.weight
        return weights

    def stances(self) -> dict[str, str]:
        """Return the stance taken on each contested concept: the one with more principle weight behind it.

        A concept on which both stances weigh the same has no stance, as one on which the constitution is silent.
        """
        weights: dict[str, dict[str, float]] = {}
        for principle in self.principles:
            for bearing in principle.bearings:
                if bearing.stance is not None:
                    by_stance = weights.setdefault(bearing.concept, {})
                    by_stance[bearing.stance] = by_stance.get(bearing.stance, 0.0) + principle.weight
        stances = {}
        for concept, by_stance in weights.items():
            best = max(by_stance.values())
            leaders = [stance for stance, weight in by_stance.items() if weight == best]
            if len(leaders) == 1:
                stances[concept] = leaders[0]
        return stances


# ------------------------------------------------------------------ train and evaluate


@dataclass(frozen=True, slots=True)
class CrossedItem:
    """Two prompts and two responses: `response_a` keeps the concept under `prompt_a`, `response_b` under `prompt_b`.

    Whoever ranks the responses without reading the prompt is right half the time (see `folkmoot.crossed`).

    Attributes:
        id: id of the item as written (the same for either stance of a contested item).
        stance: the stance by which a contested item was resolved, None for a settled one.
        critique_a: why response a is wrong where it is wrong; only lessons have it.
    """

    id: str
    concept: str
    stance: str | None
    prompt_a: str
    prompt_b: str
    response_a: str
    response_b: str
    critique_a: str = ""
    critique_b: str = ""


@dataclass(frozen=True, slots=True)
class Revision:
    """A response, a critique of it by a principle, and the response revised.

    Attributes:
        taught_by: "written by hand, not AI feedback", or the model that critiqued and revised.
        lesson_id: the lesson it came from, empty when the teacher is a model.
    """

    prompt: str
    response: str
    critique: str
    revision: str
    principle_id: str
    taught_by: str
    lesson_id: str = ""

    @property
    def id(self) -> str:
        """Id from the content."""
        return content_id("revision", self)


@dataclass(frozen=True, slots=True)
class Preference:
    """Two responses to one prompt, the chosen one keeping the principle better.

    Attributes:
        probability: the feedback's probability that `chosen` is the better, in (0.5, 1]; 1 for written lessons.
        concept: concept of the lesson, or of the principle that decided.
    """

    prompt: str
    chosen: str
    rejected: str
    principle_id: str
    concept: str
    taught_by: str
    probability: float = 1.0
    lesson_id: str = ""

    @property
    def id(self) -> str:
        """Id from the content."""
        return content_id("preference", self)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its 95% interval and the number of independent units behind it."""

    value: float
    ci: tuple[float, float]
    n: int

    def as_json(self) -> dict[str, Any]:
        """Return ``{"value", "ci", "n"}``, rounded to six decimals."""
        return {"value": round(self.value, 6), "ci": [round(self.ci[0], 6), round(self.ci[1], 6)], "n": self.n}

    def as_effect(self) -> dict[str, Any]:
        """Return ``{"diff", "ci", "n"}``: the same for a difference."""
        shown = self.as_json()
        return {"diff": shown["value"], "ci": shown["ci"], "n": shown["n"]}


@dataclass(frozen=True, slots=True)
class ItemScore:
    """The four summed log-probabilities (nats, end token included) of a crossed item under one model.

    Attributes:
        a_under_a: log P(response a | prompt a), and so on.
        tokens_a: length of response a in tokens, end token included.
    """

    item_id: str
    concept: str
    stance: str | None
    a_under_a: float
    b_under_a: float
    a_under_b: float
    b_under_b: float
    tokens_a: int
    tokens_b: int

    @property
    def crossed(self) -> float:
        """[S(a|p) - S(b|p)] - [S(a|p') - S(b|p')]; positive when the prompt moves the ranking the right way."""
        return (self.a_under_a - self.b_under_a) - (self.a_under_b - self.b_under_b)

    @property
    def item_score(self) -> float:
        """1 where `crossed` is positive, ½ where it is exactly 0, else 0."""
        return 1.0 if self.crossed > 0 else 0.5 if self.crossed == 0 else 0.0

    @property
    def strict_score(self) -> float:
        """1 where a wins under its prompt and b under its own, else 0."""
        return float(self.a_under_a > self.b_under_a and self.b_under_b > self.a_under_b)


@dataclass(frozen=True, slots=True)
class Scored:
    """All item scores of one model on one exam, under a label such as "untrained" or "final"."""

    label: str
    scores: tuple[ItemScore, ...]
    detail: Mapping[str, Any] = field(default_factory=dict)
