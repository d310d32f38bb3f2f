"""Crossed items: the form of every lesson and exam item.

An item is two prompts p, p' and two responses a, b such that a keeps the concept under p and b keeps it under p'.
Length, fluency, refusal openings and anything else that belongs to the response alone cancel, so whoever ignores the
prompt scores exactly ½ on the item score and 0 on the strict score.

A contested item has a third, open prompt under which publics differ. Under `prompt_a` everybody wants response a (it
is asked for), under `prompt_b` everybody wants response b. The constitution's stance resolves it into a crossed item:

    stance a:  open prompt -> a,  prompt_b -> b        stance b:  prompt_a -> a,  open prompt -> b

so both stances have a crossed item of their own, and the explicit request anchors the other side.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from folkmoot.concepts import concepts
from folkmoot.errors import FolkmootError
from folkmoot.records import CrossedItem, content_id

CANARY = "folkmoot-canary 6f0b1d52-8c1e-4b57-9a3e-0f4f2f6f7c11: evaluation data, keep out of training corpora"
"""Carried by every line of the item files, so that a corpus which swallowed them can be found out."""


class WrittenItem(BaseModel):
    """One line of an item file, as written by a person."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    canary: Literal[
        "folkmoot-canary 6f0b1d52-8c1e-4b57-9a3e-0f4f2f6f7c11: evaluation data, keep out of training corpora"
    ]
    concept: str
    prompt_open: str | None = Field(default=None, min_length=1)
    prompt_a: str = Field(min_length=1)
    prompt_b: str = Field(min_length=1)
    response_a: str = Field(min_length=1)
    response_b: str = Field(min_length=1)
    critique_a: str = ""
    critique_b: str = ""

    @model_validator(mode="after")
    def _fits_its_concept(self) -> "WrittenItem":
        concept = concepts().get(self.concept)
        if concept is None:
            raise ValueError(f"unknown concept {self.concept!r}")
        if concept.contested != (self.prompt_open is not None):
            raise ValueError("a contested concept needs prompt_open, a settled one must not have it")
        if self.response_a == self.response_b:
            raise ValueError("the two responses are the same")
        return self

    @property
    def id(self) -> str:
        """Id from prompts and responses."""
        return content_id(
            "item",
            [self.concept, self.prompt_open, self.prompt_a, self.prompt_b, self.response_a, self.response_b],
        )


def read_items(path: Path) -> tuple[WrittenItem, ...]:
    """Read an item file (JSONL).

    Raises:
        FolkmootError: a line is no JSON or does not have the form; names file and line.
    """
    items = []
    try:
        lines = path.read_text(encoding="utf-8").split("\n")  # JSONL: other ends of line may stand in a text
    except (OSError, UnicodeDecodeError) as error:
        raise FolkmootError(f"cannot read the item file: {error}", where=str(path)) from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            items.append(WrittenItem.model_validate(json.loads(line)))
        except (ValidationError, ValueError) as error:
            raise FolkmootError(
                f"not a crossed item: {_first(error)}",
                where=f"{path}, line {number}",
                do="see CONTRIBUTING.md, 'How to add a lesson', for the form of an item",
            ) from error
    return tuple(items)


def _first(error: ValueError) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors(include_url=False)[0]
    name = ".".join(map(str, first["loc"]))
    return f"{name}: {first['msg']}" if name else str(first["msg"])


def resolve(item: WrittenItem, stance: str | None) -> CrossedItem:
    """Return the crossed item that `stance` makes of a written one; `stance` is ignored for settled concepts.

    Raises:
        FolkmootError: the concept is contested and `stance` is None or unknown.
    """
    concept = concepts()[item.concept]
    prompt_a, prompt_b = item.prompt_a, item.prompt_b
    if concept.contested:
        if stance is None:
            raise FolkmootError(f"concept {concept.id!r} is contested and no stance was given")
        assert item.prompt_open is not None
        if concept.opposite(stance) == concept.stances[1]:
            prompt_a = item.prompt_open
        else:
            prompt_b = item.prompt_open
    return CrossedItem(
        id=item.id,
        concept=item.concept,
        stance=stance if concept.contested else None,
        prompt_a=prompt_a,
        prompt_b=prompt_b,
        response_a=item.response_a,
        response_b=item.response_b,
        critique_a=item.critique_a,
        critique_b=item.critique_b,
    )


def resolve_all(items: Iterable[WrittenItem], stances: Mapping[str, str]) -> tuple[CrossedItem, ...]:
    """Resolve every item; contested ones on whose concept `stances` is silent are left out."""
    table = concepts()
    return tuple(
        resolve(item, stances.get(item.concept))
        for item in items
        if not table[item.concept].contested or item.concept in stances
    )
