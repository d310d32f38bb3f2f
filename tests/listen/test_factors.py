"""Latent factors: they learn what is there, claim nothing where there is nothing, and no order of rows decides."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from folkmoot.errors import FolkmootError
from folkmoot.listen import prediction
from folkmoot.listen.consultation import Consultation
from folkmoot.listen.factors import TOLERANCE, fit_factors
from folkmoot.listen.prediction import METHODS, OURS, compare, hold_back


def matrix(rows: list[list[int | None]]) -> Any:
    cells = [(p, s, v) for p, row in enumerate(rows) for s, v in enumerate(row) if v is not None]
    people, statements, votes = (np.array(axis) for axis in zip(*cells, strict=True))
    found = sparse.csr_array((votes.astype(np.int8), (people, statements)), shape=(len(rows), len(rows[0])))
    found.sort_indices()
    return found


def everywhere(votes: Any) -> tuple[Any, Any]:
    return np.repeat(np.arange(votes.shape[0]), votes.shape[1]), np.tile(np.arange(votes.shape[1]), votes.shape[0])


@pytest.fixture(scope="module")
def rows() -> list[list[int | None]]:
    """Two camps of a line each on sixteen of 24 statements, with noise and unseen votes."""
    rng = np.random.default_rng(5)
    lines = [[1] * 8 + [int(v) for v in rng.choice([-1, 1], 16)] for _ in range(2)]
    said = [[v if rng.random() > 0.1 else int(rng.choice([-1, 0, 1])) for v in lines[p % 2]] for p in range(120)]
    return [[v if rng.random() < 0.7 else None for v in row] for row in said]


def test_unseen_votes_are_told_from_the_camp(rows: list[list[int | None]]) -> None:
    votes = matrix(rows)
    kept, people, statements, agrees = hold_back(votes, np.random.default_rng(0))
    found = fit_factors(kept, 2).probability(people, statements)
    assert ((found > 0.5) == agrees).mean() > 0.9
    assert ((fit_factors(kept, 0).probability(people, statements) > 0.5) == agrees).mean() < 0.85


@settings(max_examples=10, deadline=None)
@given(st.randoms(use_true_random=False))
def test_another_order_gives_the_same_model_in_that_order(rows: list[list[int | None]], random: Any) -> None:
    votes = matrix(rows)
    people, statements = list(range(votes.shape[0])), list(range(votes.shape[1]))
    random.shuffle(people)
    random.shuffle(statements)
    mixed = sparse.csr_array(votes[people][:, statements])
    mixed.sort_indices()
    here = fit_factors(votes, 2).probability(*everywhere(votes)).reshape(votes.shape)
    there = fit_factors(mixed, 2).probability(*everywhere(mixed)).reshape(votes.shape)
    assert there == pytest.approx(here[people][:, statements], abs=1e-6)


def test_who_said_nothing_is_given_the_statement_s_share(rows: list[list[int | None]]) -> None:
    silent = matrix([*rows, [None] * 24])
    found = fit_factors(silent, 2).probability(np.full(24, 120), np.arange(24))
    share = np.asarray((silent == 1).sum(axis=0)) / np.maximum(np.diff(silent.tocsc().indptr), 1)
    assert np.corrcoef(found, share)[0, 1] > 0.95
    assert np.all((found > 0.02) & (found < 0.98))


def test_a_pass_is_neither_unseen_nor_a_side() -> None:
    agree, disagree, passed, unseen = (matrix([[1, 1, v], *[[1, 1, 1], [-1, -1, -1]] * 10]) for v in (1, -1, 0, None))
    at = [fit_factors(v, 1).probability(np.array([0]), np.array([2]))[0] for v in (disagree, passed, unseen, agree)]
    assert at == sorted(at)
    assert len(set(at)) == 4


def test_going_on_from_a_fit_takes_fewer_rounds_and_ends_there(rows: list[list[int | None]]) -> None:
    votes = matrix(rows)
    cold = fit_factors(votes, 2)
    warm = fit_factors(votes, 2, start=cold)
    assert warm.rounds < cold.rounds
    pairs = everywhere(votes)
    assert warm.probability(*pairs) == pytest.approx(cold.probability(*pairs), abs=10 * TOLERANCE)


@pytest.mark.parametrize(
    "rows", [[[1]], [[1, 1]], [[1], [1]], [[1, 1], [1, 1]], [[0, 0], [0, 0]], [[1, None], [None, -1]]]
)
def test_the_smallest_consultations_have_a_model(rows: list[list[int | None]]) -> None:
    votes = matrix(rows)
    found = fit_factors(votes, 8).probability(*everywhere(votes))
    assert np.all((found > 0) & (found < 1))


def test_masks_hold_back_a_tenth_of_the_decided_votes_and_the_same_for_everyone(rows: list[list[int | None]]) -> None:
    votes = matrix(rows)
    kept, people, statements, agrees = hold_back(votes, np.random.default_rng(3))
    decided = int((votes.data != 0).sum())
    assert len(agrees) == decided // 10
    assert kept.nnz == votes.nnz - len(agrees)
    assert all(votes[p, s] == (1 if a else -1) for p, s, a in zip(people, statements, agrees, strict=True))
    again = hold_back(votes, np.random.default_rng(3))
    assert (again[1] == people).all()
    assert (again[2] == statements).all()


def test_methods_are_compared_on_the_same_masks(
    rows: list[list[int | None]], consultation_of: Callable[..., Consultation]
) -> None:
    found = compare(consultation_of(rows), masks=3)
    assert [row.method for row in found] == list(METHODS)
    by_method = {row.method: row for row in found}
    gain = by_method["statement means"].ours_better_by["accuracy"]
    ours, theirs = (by_method[m].by_measure["accuracy"].value for m in (OURS, "statement means"))
    assert gain.value == pytest.approx(ours - theirs)
    assert gain.ci[0] > 0
    assert not by_method[OURS].ours_better_by
    lower = by_method["statement means"].ours_better_by["log_loss"]
    assert lower.value > 0  # a smaller loss is a gain


def test_too_few_votes_are_refused(consultation_of: Callable[..., Consultation]) -> None:
    with pytest.raises(FolkmootError, match="too few"):
        compare(consultation_of([[1, -1], [1, 1]]))
    with pytest.raises(FolkmootError, match="too much alike"):
        compare(consultation_of([[1] * 20] * 20))


def test_measures_by_hand() -> None:
    found = prediction._measured(np.array([0.95, 0.85, 0.35, 0.15]), np.array([True, False, True, False]))
    assert found["accuracy"] == 0.5
    assert found["auc"] == pytest.approx(0.75)
    assert found["rmse"] == pytest.approx(np.sqrt(np.mean(np.square([0.05, 0.85, 0.65, 0.15]))))
    assert found["calibration_error"] == pytest.approx((0.05 + 0.85 + 0.65 + 0.15) / 4)
