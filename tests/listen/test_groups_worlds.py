"""Simulated worlds: camps that stand apart are found, and a public without gaps is not cut to pieces."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.metrics import adjusted_rand_score

from folkmoot.listen.config import ListenConfig
from folkmoot.listen.groups import find_groups
from folkmoot.listen.votes import vote_matrix, votes_cast
from worlds import camps


@pytest.mark.parametrize("seed", range(3))
def test_people_spread_over_a_disc_are_not_cut_into_more_groups_than_quarters(seed: int) -> None:
    rng = np.random.default_rng(seed)
    direction_P, place_P = rng.uniform(0, 2 * np.pi, 600), np.sqrt(rng.random(600))
    direction_S = rng.uniform(0, 2 * np.pi, 120)
    agrees_PS = 1 / (1 + np.exp(-3 * place_P[:, None] * np.cos(direction_P[:, None] - direction_S)))
    votes_PS = sparse.csr_array(np.where(rng.random((600, 120)) < agrees_PS, 1, -1).astype(np.int8))
    found = find_groups(votes_PS, np.ones(120, dtype=bool), ListenConfig())
    assert found.components == 2
    assert found.groups <= 4


def test_two_issues_that_cross_make_four_groups() -> None:
    rng = np.random.default_rng(0)
    sides_P2 = rng.integers(0, 2, (400, 2))
    issue_S = np.arange(60) % 2
    agrees_PS = np.where(sides_P2[:, issue_S] == 1, 0.85, 0.15)
    votes_PS = sparse.csr_array(np.where(rng.random((400, 60)) < agrees_PS, 1, -1).astype(np.int8))
    found = find_groups(votes_PS, np.ones(60, dtype=bool), ListenConfig())
    assert found.groups == 4
    assert adjusted_rand_score(sides_P2 @ [1, 2], found.group_P) > 0.95


def test_three_camps_in_a_row_are_three_though_they_have_one_component() -> None:
    rng = np.random.default_rng(0)
    camp_P, sign_S = np.repeat([0, 1, 2], 100), np.where(rng.random(80) < 0.5, 1, -1)
    agrees_PS = 0.5 + np.array([-0.45, 0, 0.45])[camp_P][:, None] * sign_S
    votes_PS = sparse.csr_array(np.where(rng.random((300, 80)) < agrees_PS, 1, -1).astype(np.int8))
    found = find_groups(votes_PS, np.ones(80, dtype=bool), ListenConfig())
    assert found.components == 1
    assert found.groups == 3
    assert adjusted_rand_score(camp_P, found.group_P) > 0.95


@pytest.mark.slow
@pytest.mark.parametrize("shares", [(1.0,), (0.6, 0.4), (0.45, 0.33, 0.22), (0.3, 0.25, 0.2, 0.15, 0.1), (0.95, 0.05)])
def test_in_nine_worlds_of_ten_there_are_as_many_groups_as_camps(shares: tuple[float, ...]) -> None:
    right = 0
    for seed in range(20):
        votes_PS = vote_matrix(camps(shares, 1_000, 100, seen=0.4, seed=seed).consultation)
        in_PS = votes_PS[votes_cast(votes_PS) >= 7]
        right += find_groups(in_PS, np.ones(100, dtype=bool), ListenConfig()).groups == len(shares)
    assert right >= 18
