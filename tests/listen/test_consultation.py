"""The vote algebra: which vote counts, and that order does not."""

import dataclasses
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from folkmoot.listen.consultation import Consultation, current_votes
from folkmoot.records import Statement

events = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 4), st.sampled_from([-1, 0, 1]), st.integers(0, 3)),
    min_size=1,
    max_size=60,
)


def counted(log: list[tuple[int, int, int, int]]) -> dict[tuple[int, int], int]:
    person, statement, vote, time = (np.array(axis) for axis in zip(*log, strict=True))
    kept = current_votes(person.astype(np.int32), statement.astype(np.int32), time.astype(np.float64))
    cells = [(int(person[i]), int(statement[i])) for i in kept]
    assert len(cells) == len(set(cells))
    return {cell: int(vote[i]) for cell, i in zip(cells, kept, strict=True)}


@given(events)
def test_the_last_vote_by_time_then_by_place_in_the_file_counts(log: list[tuple[int, int, int, int]]) -> None:
    plainly: dict[tuple[int, int], tuple[int, int]] = {}
    for person, statement, vote, time in log:
        if (person, statement) not in plainly or time >= plainly[person, statement][0]:
            plainly[person, statement] = (time, vote)
    assert counted(log) == {cell: vote for cell, (_, vote) in plainly.items()}


@given(events, st.randoms(use_true_random=False))
def test_where_no_two_times_are_equal_the_order_of_the_file_does_not_count(
    log: list[tuple[int, int, int, int]], shuffler: random.Random
) -> None:
    timed = [(person, statement, vote, time) for time, (person, statement, vote, _) in enumerate(log)]
    mixed = timed.copy()
    shuffler.shuffle(mixed)
    assert counted(mixed) == counted(timed)


@given(events)
def test_counting_what_was_counted_changes_nothing(log: list[tuple[int, int, int, int]]) -> None:
    once = counted(log)
    assert counted([(person, statement, vote, 0) for (person, statement), vote in once.items()]) == once


def consultation(**changes: object) -> Consultation:
    fields = {
        "name": "n",
        "statements": (Statement("1", "One"),),
        "participant_V": np.array([0, 1], np.int32),
        "statement_V": np.array([0, 0], np.int32),
        "vote_V": np.array([1, -1], np.int8),
        "participants": 2,
    }
    return Consultation(**{**fields, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changes",
    [
        {"vote_V": np.array([1, 7], np.int8)},
        {"vote_V": np.array([1], np.int8)},
        {"statement_V": np.array([0, 1], np.int32)},
        {"participants": 1},
        {"participant_V": np.array([1, 1], np.int32)},
        {"participant_V": np.array([-1, 1], np.int32)},
    ],
)
def test_a_consultation_that_contradicts_itself_cannot_be_made(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"vote|participant"):
        consultation(**changes)


def test_a_consultation_cannot_be_changed() -> None:
    made = consultation()
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.participants = 3  # type: ignore[misc]
    with pytest.raises(ValueError, match="read-only"):
        made.vote_V[0] = -1
