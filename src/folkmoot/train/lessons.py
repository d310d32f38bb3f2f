"""Written lessons, and drawing them by a constitution."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

import numpy as np

from folkmoot.concepts import concepts
from folkmoot.crossed import WrittenItem, read_items, resolve
from folkmoot.errors import FolkmootError
from folkmoot.records import Bearing, Constitution, CrossedItem, Principle

WRITTEN_BY_HAND = "written by hand, not AI feedback"


@dataclass(frozen=True, slots=True)
class Lesson:
    """A crossed item chosen for training, and the principle it was chosen for."""

    item: CrossedItem
    principle_id: str


@cache
def written_lessons() -> tuple[WrittenItem, ...]:
    """Return every lesson of the project."""
    return _packaged("lessons.jsonl")


@cache
def placebo_lessons() -> tuple[WrittenItem, ...]:
    """Return crossed items about plain matters of fact, for the placebo constitution."""
    return _packaged("placebo.jsonl")


@cache
def development_items() -> tuple[WrittenItem, ...]:
    """Return the items by which checkpoints and settings are chosen; neither taught nor examined."""
    return _packaged("dev.jsonl")


def _packaged(name: str) -> tuple[WrittenItem, ...]:
    with resources.as_file(resources.files("folkmoot.train").joinpath(name)) as path:
        return read_items(Path(path))


def draw(
    constitution: Constitution,
    lessons: Sequence[WrittenItem],
    *,
    count: int,
    rng: np.random.Generator,
    stances: Mapping[str, str] | None = None,
    leave_out: Collection[str] = (),
) -> tuple[Lesson, ...]:
    """Draw `count` lessons by the constitution, in training order.

    A concept is drawn only if a principle bears on it, and a contested one only if the constitution takes a stance;
    its share is its share of the principle weight. Within a concept, every lesson is drawn once before any is drawn
    again. The principle named is drawn, by weight, among those that bear on the concept with the stance taken; where none
    takes that stance (the flipped control), among all that bear on it.

    Args:
        stances: the stance per contested concept; default: the constitution's own.

    Raises:
        FolkmootError: no lesson fits the constitution.
    """
    taken = constitution.stances() if stances is None else stances
    table = concepts()
    pool: dict[str, list[WrittenItem]] = {}
    for lesson in lessons:
        if lesson.concept not in leave_out and (not table[lesson.concept].contested or lesson.concept in taken):
            pool.setdefault(lesson.concept, []).append(lesson)
    weights = {c: w for c, w in constitution.weight_by_concept().items() if c in pool and w > 0}
    if not weights:
        raise FolkmootError(
            "no lesson fits this constitution",
            do="give at least one principle a concept that lessons exist for (see src/folkmoot/concepts.toml)",
        )
    drawn = [
        Lesson(resolve(item, taken.get(concept)), _principle_for(concept, taken.get(concept), constitution, rng).id)
        for concept, share in apportion(weights, count).items()
        for item in _cycle(pool[concept], share, rng)
    ]
    return tuple(drawn[i] for i in rng.permutation(len(drawn)))


def teachable(constitution: Constitution) -> set[str]:
    """Return the concepts that both the constitution and the written lessons cover."""
    table, stances = concepts(), constitution.stances()
    return {
        lesson.concept
        for lesson in written_lessons()
        if lesson.concept in constitution.weight_by_concept()
        and (not table[lesson.concept].contested or lesson.concept in stances)
    }


def apportion(weights: Mapping[str, float], count: int) -> dict[str, int]:
    """Share out `count` seats in proportion to `weights` by the largest remainder; ties go by name."""
    total = sum(weights.values())
    quotas = {name: count * weight / total for name, weight in weights.items()}
    seats = {name: int(quota) for name, quota in quotas.items()}
    by_remainder = sorted(quotas, key=lambda name: (seats[name] - quotas[name], name))
    for name in by_remainder[: count - sum(seats.values())]:
        seats[name] += 1
    return seats


def _cycle(items: Sequence[WrittenItem], count: int, rng: np.random.Generator) -> list[WrittenItem]:
    drawn: list[WrittenItem] = []
    while len(drawn) < count:
        drawn += [items[i] for i in rng.permutation(len(items))]
    return drawn[:count]


def _principle_for(concept: str, stance: str | None, constitution: Constitution, rng: np.random.Generator) -> Principle:
    bearing = [p for p in constitution.principles if any(b.concept == concept for b in p.bearings)]
    taking = [p for p in bearing if Bearing(concept, stance) in p.bearings] or bearing
    weights = np.array([p.weight for p in taking])
    return taking[int(rng.choice(len(taking), p=weights / weights.sum()))]
