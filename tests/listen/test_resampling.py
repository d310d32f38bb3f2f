"""Drawing the public again: camps that stand apart stay together, where there are none they do not."""

import numpy as np
import pytest
from scipy import sparse

from folkmoot.listen.config import ListenConfig
from folkmoot.listen.groups import Division, find_groups
from folkmoot.listen.resampling import Resamples, resample
from folkmoot.listen.votes import Votes

STATEMENTS = 24
ALL = np.ones(STATEMENTS, dtype=bool)


def camps(sizes: tuple[int, ...], apart: float) -> Votes:
    """People of each camp agree with their own share of statements; `apart` 0 makes all camps alike."""
    rng = np.random.default_rng(len(sizes))
    leans_GS = 0.5 + apart * rng.choice([-0.5, 0.5], size=(len(sizes), STATEMENTS))
    said_PS = np.concatenate([rng.random((n, STATEMENTS)) < leans_GS[g] for g, n in enumerate(sizes)])
    return sparse.csr_array(np.where(said_PS, 1, -1).astype(np.int8))


def drawn(votes_PS: Votes, division: Division, resamples: int = 30) -> Resamples:
    return resample(votes_PS, division, ALL, resamples, np.random.default_rng(5))


@pytest.fixture(scope="module")
def apart() -> tuple[Votes, Division, Resamples]:
    votes_PS = camps((60, 45, 30), apart=0.85)
    division = find_groups(votes_PS, ALL, ListenConfig())
    assert sorted(np.bincount(division.group_P)) == [30, 45, 60]
    return votes_PS, division, drawn(votes_PS, division)


def test_camps_that_stand_apart_stay_together(apart: tuple[Votes, Division, Resamples]) -> None:
    _, division, found = apart
    assert found.rand_R.min() > 0.97
    assert found.together_RG.mean(axis=0).min() > 0.98
    assert found.membership_PG[np.arange(135), division.group_P].mean() > 0.99


def test_a_division_of_people_who_are_alike_does_not_hold() -> None:
    votes_PS = camps((60, 45, 30), apart=0.0)
    by_lot = Division(np.repeat([0, 1, 2], 45), components=2)
    found = drawn(votes_PS, by_lot)
    assert found.rand_R.mean() < 0.3
    assert found.together_RG.mean() < 0.6
    assert found.membership_PG[np.arange(135), by_lot.group_P].mean() < 0.7


def test_membership_is_a_probability_and_votes_are_those_of_who_was_drawn(
    apart: tuple[Votes, Division, Resamples],
) -> None:
    votes_PS, _, found = apart
    assert found.membership_PG.sum(axis=1) == pytest.approx(1)
    assert (found.seen.sum(axis=1) == votes_PS.shape[0]).all()  # everybody voted on everything, and as many are drawn
    assert (found.agree + found.disagree == found.seen).all()


@pytest.mark.parametrize("sizes", [(1,), (40,)])
def test_one_group_is_always_the_same_group(sizes: tuple[int, ...]) -> None:
    people = sum(sizes)
    found = drawn(camps(sizes, 0.5), Division(np.zeros(people, dtype=np.int64), components=0))
    assert (found.membership_PG == 1).all()
    assert (found.together_RG == 1).all()


def test_the_same_draw_gives_the_same_resamples(apart: tuple[Votes, Division, Resamples]) -> None:
    votes_PS, division, found = apart
    again = drawn(votes_PS, division)
    assert (again.agree == found.agree).all()
    assert (again.membership_PG == found.membership_PG).all()
