"""Tallies that follow votes equal those that are counted from scratch."""

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from folkmoot.listen.config import ListenConfig
from folkmoot.listen.tallies import Tallies
from folkmoot.listen.votes import count_by_group, group_aware_consensus

PEOPLE, STATEMENTS, GROUPS = 6, 4, 3
CONFIG = ListenConfig(threshold=0.5, min_seen=1)
COUNTED = np.array([True, True, True, False])

casts = st.tuples(
    st.just("cast"), st.integers(0, PEOPLE - 1), st.integers(0, STATEMENTS - 1), st.sampled_from([-1, 0, 1])
)
undos = st.tuples(st.just("undo"), st.integers(0, PEOPLE - 1), st.integers(0, STATEMENTS - 1), st.just(0))
moves = st.tuples(st.just("move"), st.integers(0, PEOPLE - 1), st.integers(0, GROUPS - 1), st.just(0))


def matrix(current: dict[tuple[int, int], int]) -> Any:
    """Return the votes as a sparse matrix that keeps passes."""
    cells = sorted(current)
    rows, columns = ([cell[axis] for cell in cells] for axis in (0, 1))
    data = np.array([current[cell] for cell in cells], dtype=np.int8)
    return sparse.csr_array((data, (np.array(rows, int), np.array(columns, int))), shape=(PEOPLE, STATEMENTS))


def play(acts: Sequence[tuple[str, int, int, int]]) -> tuple[Tallies, dict[tuple[int, int], int], Any]:
    """Play casts, re-votes, undos and moves, some from groups that people never were in."""
    tallies, current = Tallies.empty(GROUPS, COUNTED, CONFIG), {}
    group_P = np.arange(PEOPLE) % GROUPS
    for act, person, where, vote in acts:
        group = int(group_P[person])
        if act == "cast":
            tallies.cast(group, where, vote, before=current.get((person, where)))
            current[person, where] = vote
        elif act == "undo" and (person, where) in current:
            tallies.take_back(group, where, current.pop((person, where)))
        elif act == "move":
            theirs = [(s, v) for (p, s), v in current.items() if p == person]
            tallies.move(theirs, start=group, to=where)
            group_P[person] = where
    return tallies, current, group_P


@given(st.lists(st.one_of(casts, undos, moves), max_size=60))
def test_any_sequence_equals_counting_from_scratch(acts: list[tuple[str, int, int, int]]) -> None:
    tallies, current, group_P = play(acts)
    groups = count_by_group(matrix(current), group_P)
    for name in ("agree", "disagree", "seen"):
        found = np.zeros((GROUPS, STATEMENTS), dtype=int)
        found[: len(groups)] = [getattr(g, name) for g in groups]
        assert (getattr(tallies, name) == found).all()
    assert tallies.gac_S == pytest.approx(group_aware_consensus(tallies.agree, tallies.seen), abs=0)
    enough = (tallies.seen.min(axis=0) >= 1) & COUNTED
    assert (tallies.agreed_S == ((tallies.gac_S >= 0.5**GROUPS) & enough)).all()


def test_counting_what_is_there_equals_casting_it() -> None:
    tallies, current, group_P = play([("cast", p, s, (p + s) % 3 - 1) for p in range(PEOPLE) for s in range(3)])
    counted = Tallies.of(matrix(current), group_P, COUNTED, CONFIG)
    for name in ("agree", "disagree", "seen", "gac_S", "agreed_S"):
        assert (getattr(counted, name) == getattr(tallies, name)).all()


def test_what_is_no_vote_or_was_never_cast_is_refused_and_changes_nothing() -> None:
    tallies = Tallies.empty(2, COUNTED, CONFIG)
    tallies.cast(0, 1, 1)
    for refused in (
        lambda: tallies.cast(0, 1, 2),
        lambda: tallies.cast(0, 1, 1, before=-1),
        lambda: tallies.take_back(1, 1, 1),
        lambda: tallies.move([(1, 0)], start=0, to=1),
    ):
        with pytest.raises(ValueError, match="vote"):
            refused()
    assert tallies.seen.sum() == tallies.agree.sum() == 1
    assert tallies.disagree.sum() == 0


def test_a_vote_costs_the_same_however_many_statements_there_are() -> None:
    def seconds(statements: int) -> float:
        tallies = Tallies.empty(3, np.ones(statements, dtype=bool), CONFIG)
        best = np.inf
        for _ in range(5):
            started = time.perf_counter()
            for at in range(200):
                tallies.cast(at % 3, at, 1)
            best = min(best, time.perf_counter() - started)
        return float(best)

    assert seconds(200_000) < 5 * seconds(200)
