"""Drawing the public again: camps that stand apart stay together, where there are none they do not."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.metrics import adjusted_rand_score

from folkmoot.listen.components import centred, components
from folkmoot.listen.config import ListenConfig
from folkmoot.listen.groups import Division, find_groups
from folkmoot.listen.resampling import Resamples, _by_kind, _places_among, _rand, _table, resample
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


def test_places_are_those_on_the_components_of_who_was_drawn() -> None:
    rng = np.random.default_rng(1)
    dense_PS = camps((60, 45, 30), apart=0.85).toarray()
    votes_PS = sparse.csr_array(np.where(rng.random(dense_PS.shape) < 0.6, dense_PS, 0).astype(np.int8))
    votes_PS.data[rng.random(votes_PS.nnz) < 0.1] = 0  # passes
    counted_S = np.arange(STATEMENTS) != 3
    everybody_KS = components(centred(votes_PS, counted_S), 2)[1]
    weight_P = rng.multinomial(135, np.full(135, 1 / 135))
    again_PS = votes_PS[np.repeat(np.arange(135), weight_P)]
    places_PK = _places_among(_by_kind(votes_PS), weight_P.astype(float), everybody_KS, counted_S)
    again_PK = np.repeat(places_PK, weight_P, axis=0)
    expected_PK = centred(again_PS, counted_S) @ components(centred(again_PS, counted_S), 2)[1].T
    turn = np.linalg.lstsq(again_PK, expected_PK)[0]  # the components span the same plane, turned
    assert again_PK @ turn == pytest.approx(expected_PK, abs=0.02 * np.abs(expected_PK).max())
    assert turn @ turn.T == pytest.approx(np.eye(2), abs=0.01)


@pytest.mark.parametrize("groups", [1, 2, 4])
def test_the_rand_index_of_a_table_is_that_of_its_people(groups: int) -> None:
    rng = np.random.default_rng(groups)
    group_P = rng.integers(0, groups, 50)
    for again_P in (group_P, rng.integers(0, groups, 50), np.where(group_P == 0, groups - 1, group_P)):
        expected = adjusted_rand_score(group_P, again_P)
        assert _rand(_table(group_P, again_P, groups)) == pytest.approx(expected)
