"""Controls: what training would do if the constitution were not what it teaches."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np

from folkmoot.concepts import concepts
from folkmoot.records import Bearing, Constitution, Origin, Preference, Principle, Revision

Record = TypeVar("Record", Revision, Preference)


def flip(stances: Mapping[str, str]) -> dict[str, str]:
    """Return the opposite stance on every contested concept."""
    table = concepts()
    return {concept: table[concept].opposite(stance) for concept, stance in stances.items()}


def shuffle_prompts(records: Sequence[Record], rng: np.random.Generator) -> tuple[Record, ...]:
    """Put every record's responses behind another record's prompt.

    Records stand in a random ring and each takes the prompt of the next, so that every prompt and every response occurs
    as often as before and only their connection is lost.
    """
    ring = [int(i) for i in rng.permutation(len(records))]
    prompts = {i: records[following].prompt for i, following in zip(ring, ring[1:] + ring[:1], strict=True)}
    return tuple(dataclasses.replace(record, prompt=prompts[i]) for i, record in enumerate(records))


def placebo_constitution() -> Constitution:
    """Return a constitution that says nothing on any value: answer what was asked, not its neighbour."""
    principle = Principle(
        text="Answer the question that was asked, not a similar one.",
        critique_request="Point out where the reply answers another question than the one asked.",
        revision_request="Rewrite the reply so that it answers the question asked.",
        comparison_question="Which reply answers the question that was asked?",
        weight=1.0,
        origins=(Origin("hand", "placebo"),),
        bearings=(Bearing("answers-what-was-asked"),),
    )
    return Constitution("Placebo: a constitution about something else", (principle,))
