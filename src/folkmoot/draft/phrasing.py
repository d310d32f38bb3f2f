"""From what the public said, or a source founds, to a principle with its three requests.

The public's own sentence is kept: only its subject becomes "The assistant", and its spelling of that subject is put
right. A sentence that cannot be so turned with certainty is quoted whole. Either way it is a quotation, data and never
an instruction: requests put it between quotation marks.
"""

import re
import tomllib
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import Any

from folkmoot.concepts import concepts
from folkmoot.constitution import quote_principle, requests_for
from folkmoot.records import Bearing, Origin, Principle
from folkmoot.similarity import clean

LONGEST_TEXT = 600
"""Characters of a statement that a principle keeps; a longer one ends in an ellipsis."""

_SUBJECT = re.compile(
    r"^(?:so |and |please |i (?:really )?(?:think|believe|feel)(?: that)? |have )?"
    r"(?:(?:the|an?|our|this|all) )?(?:\w+'s )?(?:(?:new|public|digital|virtual|town|city|council|municipal|library) ){0,2}"
    r"(?:(?:ai|al|a\.i\.|a i|artificial intelligence)(?: (?:assistant|chat ?bot|bot|system|model|program|tool))?s?|assistants?|chat ?bots?"
    r"|language models?|it|they)\b(?!')[,]?\s*",
    re.IGNORECASE,
)
_MODAL = re.compile(
    r"^(?:should|shouldn't|must|mustn't|shall|may|can|cannot|can't|could|will|won't|needs? to|has to|have to|ought to)\b",
    re.IGNORECASE,
)
_BARE = re.compile(r"^(?:not|never|always|be|do not|don't)\b", re.IGNORECASE)
_VERB = re.compile(
    r"^(?:say|tell|ask|give|keep|help|answer|respect|listen|admit|explain|warn|treat|protect|stay|remain|refuse|avoid|stop|use|provide"
    r"|encourage|show|speak|be|respond|cite|ignore|stick|leave|let|make|remember|present|promote|follow|obey|refer)\b",
    re.IGNORECASE,
)


def principle_text(statement: str) -> str:
    """Return the statement as a sentence on "The assistant", or quoted whole where it cannot be turned safely."""
    said = _shorten(clean(statement).strip("\"' ").rstrip(" .,;"))
    subject = _SUBJECT.match(said)
    rest = re.sub(r"^(should|must)(?=be\b|not\b|always\b|never\b)", r"\1 ", said[subject.end() :] if subject else said)
    if subject is None and said.endswith("?"):
        return _quoted(said)
    if _MODAL.match(rest):
        return _sentence(f"The assistant {_lower(_agree(rest))}")
    if _BARE.match(rest):
        rest = re.sub(r"^(?:do not|don't)\b", "not", rest, flags=re.IGNORECASE)
        return _sentence(f"The assistant should {_lower(rest)}")
    if _VERB.match(rest):
        return _sentence(f"The assistant should {_lower(rest)}")
    return _quoted(said)


def _quoted(said: str) -> str:
    return f"The assistant keeps to what people said: “{said.replace('“', '‘').replace('”', '’')}”."


def _agree(rest: str) -> str:
    return re.sub(
        r"^need to\b", "needs to", re.sub(r"^have to\b", "has to", rest, flags=re.IGNORECASE), flags=re.IGNORECASE
    )


def _shorten(text: str) -> str:
    if len(text) <= LONGEST_TEXT:
        return text
    return text[:LONGEST_TEXT].rsplit(" ", 1)[0] + " …"


def _lower(rest: str) -> str:
    return rest[:1].lower() + rest[1:]


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


def source_text(concept: str) -> str:
    """Return the principle a source founds on a settled concept, in the words of concepts.toml."""
    return f"The assistant {_lower(concepts()[concept].description)}"


def phrase(text: str, weight: float, origins: Sequence[Origin], bearings: Sequence[Bearing]) -> Principle:
    """Return the principle with the three requests its bearings suggest."""
    requests = requests_for(_look_at(bearings))
    critique, revision, comparison = (quote_principle(request, text) for request in requests)
    return Principle(text, critique, revision, comparison, weight, tuple(origins), tuple(bearings))


def _look_at(bearings: Sequence[Bearing]) -> str:
    table = look_at()
    hints = [table[b.concept, b.stance] for b in bearings if (b.concept, b.stance) in table]
    return ("; and at ".join(hints)).replace("{", "{{").replace("}", "}}")


@cache
def look_at() -> dict[tuple[str, str | None], str]:
    """Return what to look at, by (concept, stance or None)."""
    text = resources.files("folkmoot.draft").joinpath("phrases.toml").read_text(encoding="utf-8")
    raw: dict[str, Any] = tomllib.loads(text)["look_at"]
    flat: dict[tuple[str, str | None], str] = {}
    for concept, hint in raw.items():
        if isinstance(hint, str):
            flat[concept, None] = hint
        else:
            flat.update({(concept, stance): words for stance, words in hint.items()})
    return flat
