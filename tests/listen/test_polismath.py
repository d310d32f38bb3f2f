"""Polis's mathematics on cases that can be worked out by hand; its server's own figures stand in tests/real."""

import math
import warnings
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from folkmoot.listen import polismath
from folkmoot.listen.consultation import Consultation
from folkmoot.listen.votes import Counts, group_aware_consensus


def counts(*rows: tuple[int, int, int]) -> Counts:
    agree, disagree, seen = (np.array(column) for column in zip(*rows, strict=True))
    return Counts(agree, disagree, seen)


def test_the_consensus_is_a_product_over_groups() -> None:
    assert group_aware_consensus(np.array([[8], [3]]), np.array([[10], [3]])) == pytest.approx([9 / 12 * 4 / 5])


def test_representativeness_by_hand() -> None:
    found = polismath.representativeness([counts((8, 1, 10)), counts((2, 5, 8))])
    assert found.p_agree[0, 0] == pytest.approx(9 / 12)
    assert found.r_agree[0, 0] == pytest.approx((9 / 12) / (3 / 10))
    assert found.z_agree[0, 0] == pytest.approx(2 * math.sqrt(11) * (9 / 11 - 0.5))
    pooled = (9 + 3) / (11 + 9)
    z = (9 / 11 - 3 / 9) / math.sqrt(pooled * (1 - pooled) * (1 / 11 + 1 / 9))
    assert found.rz_agree[0, 0] == pytest.approx(z)
    assert found.rz_agree[1, 0] == pytest.approx(-z)


def test_everybody_agreeing_everywhere_divides_by_nothing() -> None:
    found = polismath.representativeness([counts((10, 0, 10)), counts((8, 0, 8))])
    assert found.rz_agree.tolist() == [[0.0], [0.0]]


def test_a_group_that_passes_no_test_is_shown_by_one_statement() -> None:
    stats = polismath.representativeness([counts((3, 3, 6), (0, 0, 0)), counts((3, 3, 6), (0, 0, 0))])
    (only,) = polismath.representative_statements(stats, 0, np.array([True, True]))
    assert not only.best_agree
    assert polismath.representative_statements(stats, 0, np.array([False, False])) == ()


def test_agreed_statements_stand_before_rejected_ones_and_moderated_ones_nowhere() -> None:
    mine, theirs = ((1, 18, 20), (19, 0, 20), (20, 0, 20)), ((18, 1, 20), (2, 15, 20), (0, 20, 20))
    stats = polismath.representativeness([counts(*mine), counts(*theirs)])
    shown = polismath.representative_statements(stats, 0, np.array([True, True, True]))
    assert [(s.statement, s.repful_for) for s in shown] == [(2, "agree"), (1, "agree"), (0, "disagree")]
    assert [s.best_agree for s in shown] == [True, False, False]
    assert [s.statement for s in polismath.representative_statements(stats, 0, np.array([True, True, False]))] == [1, 0]


def test_who_came_in_early_stays_in_and_late_comers_need_seven_votes() -> None:
    log = [(p, s) for p in range(15) for s in range(8) if p or s < 2]  # the first person votes twice and never again
    log += [(15, s) for s in range(6)] + [(16, s) for s in range(7)]
    people, statements = (np.array(column) for column in zip(*log, strict=True))
    found = polismath.in_conversation(people, statements, np.arange(len(log), dtype=float), 17)
    assert found.tolist() == [True] * 15 + [False, True]


def test_a_vote_given_twice_counts_once() -> None:
    log = [(p, s) for p in range(15) for s in range(8)] + [(15, 0)] * 9
    people, statements = (np.array(column) for column in zip(*log, strict=True))
    assert not polismath.in_conversation(people, statements, np.arange(len(log), dtype=float), 16)[15]


def test_without_times_the_most_active_fill_up_the_fifteen(consultation_of: Callable[..., Consultation]) -> None:
    rows: list[list[int | None]] = [[1] * n + [None] * (20 - n) for n in [8] * 3 + [3] * 12 + [1] * 5]
    rows[0][7] = -1  # somebody differs, or there is nothing to divide
    found = polismath.analyse_as_polis(consultation_of(rows))
    assert found.in_P.tolist() == [True] * 15 + [False] * 5
    assert (found.group_P[15:] == -1).all()


def test_people_in_the_same_place_but_for_rounding_are_one_base_cluster() -> None:
    places = np.array([[0.0, 1.0], [0.0, 1.0 + 1e-13], [1.0, 0.0], [1.0 + 1e-13, 0.0], [5.0, 5.0]] * 3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = polismath.opinion_groups(places)
    assert len(set(found[[0, 1]])) == len(set(found[[2, 3]])) == 1


def test_camps_are_found(
    camps: Callable[..., list[list[int | None]]], consultation_of: Callable[..., Consultation]
) -> None:
    found = polismath.analyse_as_polis(consultation_of(camps((60, 40))))
    assert found.in_P.all()
    first, second = set(found.group_P[:60].tolist()), set(found.group_P[60:].tolist())
    assert not first & second
    assert len(found.votes_by_group) == len(first | second)
    assert found.consensus_S[:8].min() > 0.6
    assert all(found.representative)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 5)), min_size=1, max_size=12))
def test_whatever_was_voted_statistics_are_numbers(rows: list[tuple[int, int, int]]) -> None:
    groups = [counts(*((a, d, a + d + p) for a, d, p in rows)), counts(*((d, a, a + d + p) for a, d, p in rows))]
    stats = polismath.representativeness(groups)
    assert all(np.isfinite(getattr(stats, name)).all() for name in stats.__slots__)
    shown = polismath.representative_statements(stats, 0, np.ones(len(rows), dtype=bool))
    assert 1 <= len(shown) <= 5
    assert len({s.statement for s in shown}) == len(shown)
