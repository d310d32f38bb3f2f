"""The opinion map shows where people stand, and nobody by himself."""

import random
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from folkmoot.listen.config import ListenConfig
from folkmoot.listen.consensus import analyse_consensus
from folkmoot.listen.consultation import Consultation
from folkmoot.listen.opinion_map import MOST_PULLS, _clouds, density, map_opinions
from folkmoot.records import SMALL_CELL, Statement

Rows = list[list[int | None]]
Make = Callable[..., Consultation]
Camps = Callable[..., Rows]
QUICK = ListenConfig(resamples=20)
PLACES = st.tuples(st.integers(0, 10**6), st.integers(1, 400), st.integers(1, 4))


def scattered(seed: int, people: int, groups: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    group_P = rng.integers(groups, size=people)
    return rng.normal(size=(people, 2)) @ rng.normal(size=(2, 2)) + 3 * rng.normal(size=(groups, 2))[group_P], group_P


@settings(max_examples=60, deadline=None)
@given(PLACES)
def test_no_cell_holds_fewer_people_than_may_be_shown(drawn: tuple[int, int, int]) -> None:
    places_P2, group_P = scattered(*drawn)
    cells, hexagon = density(places_P2, group_P)
    assert all(cell.people >= SMALL_CELL for cell in cells)
    assert len({(c.group, round(c.x, 6), round(c.y, 6)) for c in cells}) == len(cells)
    for cell in cells:
        away = np.hypot(*(places_P2[group_P == cell.group] - (cell.x, cell.y)).T)
        # whoever is nearer than the inner radius is in the hexagon, whoever is further than its corners is not
        assert (away < hexagon * np.sqrt(3) / 2 - 1e-9).sum() <= cell.people <= (away <= hexagon + 1e-9).sum()


@settings(max_examples=30, deadline=None)
@given(PLACES)
def test_the_ellipse_holds_half_of_the_group(drawn: tuple[int, int, int]) -> None:
    places_P2, group_P = scattered(*drawn)
    for cloud in _clouds(places_P2, group_P):
        turn = np.radians(cloud.angle)
        across = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
        away_P2 = (places_P2[group_P == cloud.group] - [c.value for c in cloud.centre]) @ across.T
        inside = (away_P2 / [half.value for half in cloud.half_axes]) ** 2
        assert abs(int((inside.sum(axis=1) <= 1 + 1e-9).sum()) - cloud.people / 2) <= 1
        assert cloud.people >= SMALL_CELL
        assert all(half.ci[0] <= half.value <= half.ci[1] for half in cloud.half_axes)


def test_the_intervals_of_a_middle_and_of_an_ellipse_hold_the_truth_as_often_as_they_say() -> None:
    rng = np.random.default_rng(0)
    half = np.sqrt(2 * np.log(2))  # half of a round normal cloud lies within
    middle = ellipse = 0
    for _ in range(300):
        (cloud,) = _clouds(rng.normal(size=(200, 2)), np.zeros(200, dtype=np.int64))
        middle += cloud.centre[0].ci[0] <= 0 <= cloud.centre[0].ci[1]
        scale = np.sqrt(np.prod([h.value for h in cloud.half_axes]))
        low, high = (np.sqrt(np.prod([h.ci[side] for h in cloud.half_axes])) for side in (0, 1))
        ellipse += low <= half <= high
        assert low < scale < high
    assert middle >= 270
    assert ellipse >= 270


def test_every_group_has_a_cloud_and_everybody_is_accounted_for(consultation_of: Make, camps: Camps) -> None:
    consultation = consultation_of(camps([60, 40, 25]))
    found = map_opinions(consultation, QUICK)
    assert tuple(cloud.people for cloud in found.clouds) == analyse_consensus(consultation, QUICK).group_sizes
    assert found.hidden + sum(cell.people for cell in found.cells) == found.people == 125


def test_what_pulls_is_what_camps_differ_on(consultation_of: Make, camps: Camps) -> None:
    rows = camps([60, 50])
    found = map_opinions(consultation_of(rows), QUICK)
    pulling = [int(p.statement.id) for p in found.pulls]
    assert len(pulling) == MOST_PULLS
    assert all(s >= 8 for s in pulling), "all agree on the first eight"
    assert [p.length for p in found.pulls] == sorted((p.length for p in found.pulls), reverse=True)
    strongest = found.pulls[0]
    assert strongest.x.ci[0] > 0 or strongest.x.ci[1] < 0
    # people of the group that agrees stand where it points
    agree = [
        np.mean([row[pulling[0]] for row in camp if row[pulling[0]] is not None]) for camp in (rows[:60], rows[60:])
    ]
    centres = [cloud.centre[0].value for cloud in found.clouds]
    assert np.sign(strongest.x.value) == np.sign(agree[0] - agree[1]) * np.sign(centres[0] - centres[1])


def test_statements_with_a_small_cell_pull_nothing(consultation_of: Make, camps: Camps) -> None:
    rows = camps([60, 50])
    rows = [[*row, (1 if p < 60 else -1) if p < 60 or p >= 101 else None] for p, row in enumerate(rows)]
    found = map_opinions(consultation_of(rows), QUICK)
    assert "24" not in {p.statement.id for p in found.pulls}, "nine people of the second group voted on it"
    statements = [Statement(str(i), "x", 1 if i % 2 else -1) for i in range(25)]
    moderated = map_opinions(consultation_of(rows, statements), QUICK)
    assert all(int(p.statement.id) % 2 for p in moderated.pulls)


def test_two_directions_show_all_differences_where_there_are_two(consultation_of: Make) -> None:
    rng = np.random.default_rng(1)
    rows = [[a] * 6 + [b] * 4 for a, b in rng.choice([-1, 1], (80, 2)).tolist()]
    found = map_opinions(consultation_of(rows), QUICK)
    first, second = found.explained
    assert first.value + second.value == pytest.approx(1)
    assert first.value == pytest.approx(0.6, abs=0.06)
    assert first.ci[0] < first.value < first.ci[1] <= 1
    assert first.n == second.n == 80


def test_the_same_votes_of_everybody_are_one_place(consultation_of: Make) -> None:
    found = map_opinions(consultation_of([[1, -1, 0, 1, 1, 1, 1, 1]] * 40), QUICK)
    (cell,) = found.cells
    assert (cell.people, cell.x, cell.y, found.hidden, found.pulls) == (40, 0, 0, 0, ())
    assert [e.value for e in found.explained] == [0, 0]
    assert [half.value for half in found.clouds[0].half_axes] == [0, 0]


def test_fewer_people_than_may_be_shown_have_no_cloud(consultation_of: Make) -> None:
    rng = np.random.default_rng(2)
    found = map_opinions(consultation_of(rng.choice([-1, 1], (9, 8)).tolist()), QUICK)
    assert (found.cells, found.clouds, found.hidden, found.pulls) == ((), (), 9, ())


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 5), st.randoms(use_true_random=False))
def test_the_order_of_people_changes_nothing(
    consultation_of: Make, camps: Camps, seed: int, shuffler: random.Random
) -> None:
    rows = camps([30, 30, 15], seed=seed)
    mixed = rows.copy()
    shuffler.shuffle(mixed)
    whole = consultation_of(mixed)
    order = np.array(shuffler.sample(range(len(whole.vote_V)), len(whole.vote_V)))
    shuffled = replace(
        whole,
        participant_V=whole.participant_V[order],
        statement_V=whole.statement_V[order],
        vote_V=whole.vote_V[order],
    )
    assert map_opinions(shuffled, QUICK) == map_opinions(consultation_of(rows), QUICK)
