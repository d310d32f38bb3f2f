"""What is drawn lies where its numbers say, and labels do not cover each other."""

import itertools
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from folkmoot.listen.config import ListenConfig
from folkmoot.listen.consensus import StatementConsensus, analyse_consensus
from folkmoot.listen.consultation import Consultation
from folkmoot.listen.opinion_map import Cell, Cloud, OpinionMap, Pull
from folkmoot.listen.pictures import (
    ALL,
    BANDS,
    MAP_WIDTH,
    band_shares,
    by_inclusion,
    dot_row,
    draw_map,
    inclusion,
    inclusion_bars,
    interval,
    least_decided,
    most_dividing,
    nearest_to_agreement,
)
from folkmoot.records import Band, Estimate, Statement, Tally

Rows = list[list[int | None]]
Make = Callable[..., Consultation]
Camps = Callable[..., Rows]


def exactly(value: float, n: int = 30) -> Estimate:
    return Estimate(value, (value, value), n)


def judged(name: str, band: Band, probability: float, *cells: Tally) -> StatementConsensus:
    return StatementConsensus(
        statement=Statement(name, f"Statement {name}"),
        overall=Tally(*(sum(getattr(c, side) for c in cells) for side in ("agree", "disagree", "passed"))),
        by_group=cells,
        gac=exactly(0.5),
        gac_fair=exactly(probability),
        minimum=exactly(0.5),
        bridging=0.0,
        agreed=band == Band.AGREED,
        inclusion_probability=probability,
        band=band,
        q_value=0.5,
        flags=(),
    )


MANY, FEW = Tally(20, 8, 2), Tally(7, 1, 1)


# ------------------------------------------------------------------ the map


def map_of(loadings: list[tuple[float, float]], clouds: tuple[Cloud, ...] | None = None) -> OpinionMap:
    pulls = tuple(Pull(Statement(str(i), "x"), exactly(x), exactly(y)) for i, (x, y) in enumerate(loadings))
    if clouds is None:
        clouds = tuple(
            Cloud(g, 30, (exactly(x), exactly(y)), (exactly(1.0), exactly(0.5)), 30.0)
            for g, (x, y) in enumerate([(-2, 0), (2, 1)])
        )
    cells = (Cell(0, -2.0, 0.0, 20), Cell(1, 2.0, 1.0, 12))
    return OpinionMap(60, (exactly(0.2), exactly(0.1)), cells, 0.5, 28, clouds, pulls)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(-1, 1), st.floats(-1, 1)), min_size=1, max_size=10))
def test_everything_lies_on_the_map_and_arrows_point_where_statements_pull(loadings: list[tuple[float, float]]) -> None:
    loadings = [(x, y) for x, y in loadings if np.hypot(x, y) > 0.01]
    picture = draw_map(map_of(loadings))
    assert picture is not None
    for x, y in [picture.origin, *((a.x, a.y) for a in picture.arrows), *((e.x, e.y) for e in picture.ellipses)]:
        assert 0 <= x <= MAP_WIDTH
        assert 0 <= y <= picture.height
    for arrow, (x, y) in zip(picture.arrows, loadings, strict=True):
        length = np.hypot(x, y)
        drawn = (arrow.x - picture.origin[0], picture.origin[1] - arrow.y)  # y is drawn downwards
        assert np.hypot(*drawn) == pytest.approx(0, abs=0.15) or drawn == pytest.approx(
            (x / length * np.hypot(*drawn), y / length * np.hypot(*drawn)), abs=0.2
        )


def test_numbers_on_the_map_do_not_cover_each_other_nor_the_letters() -> None:
    same_way = [(0.5 - i / 50, 0.5 - i / 60) for i in range(10)]
    picture = draw_map(map_of(same_way))
    assert picture is not None
    places = [a.label for a in picture.arrows] + [(e.x, e.y) for e in picture.ellipses]
    apart = [np.hypot(a[0] - b[0], a[1] - b[1]) for i, a in enumerate(places) for b in places[:i]]
    assert min(apart) >= 15


def test_where_no_group_may_be_shown_there_is_no_map() -> None:
    assert draw_map(map_of([(1.0, 0.0)], clouds=())) is None


def test_one_place_for_all_is_drawn() -> None:
    still = (Cloud(0, 40, (exactly(0.0), exactly(0.0)), (exactly(0.0), exactly(0.0)), 0.0),)
    found = replace(map_of([], still), cells=(Cell(0, 0.0, 0.0, 40),), hexagon=0.0)
    picture = draw_map(found)
    assert picture is not None
    (hexagon,) = picture.hexagons
    corners = np.array([corner.split(",") for corner in hexagon.corners.split()], dtype=float)
    assert np.isfinite(corners).all()
    assert np.ptp(corners, axis=0).min() > 1


# ------------------------------------------------------------------ agreement by group


def test_a_row_has_a_dot_for_all_and_one_for_each_group() -> None:
    row = dot_row(judged("1", Band.CONTESTED, 0.5, MANY, Tally(30, 0, 0)))
    assert [(d.group, d.name, d.share.value, d.share.n) for d in row.dots] == [
        (ALL, "all", 50 / 60, 60),
        (0, "A", 20 / 30, 30),
        (1, "B", 1.0, 30),
    ]
    assert len({d.lane for d in row.dots}) == 3
    assert all(0 < d.lane < row.height for d in row.dots)
    assert row.dots[2].text.startswith("B 100% [")


def test_one_small_cell_hides_all_groups() -> None:
    row = dot_row(judged("1", Band.INSUFFICIENTLY_SEEN, 0.5, MANY, FEW))
    assert [d.name for d in row.dots] == ["all"]
    assert dot_row(judged("1", Band.INSUFFICIENTLY_SEEN, 0.5, FEW)).dots == ()


def test_one_group_is_not_shown_beside_everybody() -> None:
    assert [d.name for d in dot_row(judged("1", Band.AGREED, 1.0, MANY)).dots] == ["all"]


def test_nearest_to_agreement_are_agreed_or_contested_by_consensus() -> None:
    found = [
        judged("agreed", Band.AGREED, 0.97, MANY, MANY),
        judged("not", Band.NOT_AGREED, 0.01, MANY, MANY),
        judged("contested", Band.CONTESTED, 0.4, MANY, MANY),
        judged("unseen", Band.INSUFFICIENTLY_SEEN, 0.9, MANY, FEW),
    ]
    assert [r.found.statement.id for r in nearest_to_agreement(found, 20)] == ["agreed", "contested"]
    assert [r.found.statement.id for r in nearest_to_agreement(found, 1)] == ["agreed"]


def test_what_divides_is_what_groups_surely_differ_on() -> None:
    found = [
        judged("few and far", Band.NOT_AGREED, 0, Tally(10, 0, 0), Tally(2, 8, 0)),
        judged("many and far", Band.NOT_AGREED, 0, Tally(180, 20, 0), Tally(40, 160, 0)),
        judged("not sure", Band.NOT_AGREED, 0, Tally(20, 10, 0), Tally(15, 15, 0)),
        judged("hidden", Band.INSUFFICIENTLY_SEEN, 0, Tally(90, 0, 0), Tally(0, 9, 0)),
        judged("not asked", Band.NOT_COUNTED, 0, Tally(90, 0, 0), Tally(0, 90, 0)),
    ]
    assert [r.found.statement.id for r in most_dividing(found, 10)] == ["many and far", "few and far"]
    assert most_dividing([judged("1", Band.NOT_AGREED, 0, MANY)], 10) == ()


# ------------------------------------------------------------------ inclusion


def test_bands_fill_the_bar_once() -> None:
    found = [judged(str(i), band, 0.5, MANY) for i, band in enumerate([*BANDS, Band.CONTESTED])]
    shares = band_shares(found)
    assert set(BANDS) == set(Band)
    assert [(s.band, s.count) for s in shares] == [(b, 2 if b == Band.CONTESTED else 1) for b in BANDS]
    assert shares[-1].start + shares[-1].length == pytest.approx(100, abs=0.01)
    for before, after in itertools.pairwise(shares):
        assert after.start == pytest.approx(before.start + before.length, abs=0.01)
    assert [s.count for s in band_shares([])] == [0] * 5


def test_bars_go_from_the_surest_to_the_least_and_are_as_high_as_they_say() -> None:
    found = [
        judged("not", Band.NOT_AGREED, 0.02, MANY),
        judged("half", Band.CONTESTED, 0.5, MANY),
        judged("sure", Band.AGREED, 1.0, MANY),
        judged("never", Band.NOT_AGREED, 0.0, MANY),
        judged("unseen", Band.INSUFFICIENTLY_SEEN, 0.9, FEW),
    ]
    assert [s.statement.id for s in by_inclusion(found)] == ["sure", "half", "not", "never", "unseen"]
    bars = inclusion_bars(found)
    assert [(b.band, b.first, b.count) for b in bars] == [
        (Band.AGREED, 0, 1),
        (Band.CONTESTED, 1, 1),
        (Band.NOT_AGREED, 2, 2),
    ]
    assert [b.path for b in bars] == ["M0 100V0.0h0.8V100z", "M1 100V50.0h0.8V100z", "M2 100V98.0h0.8V100z"]
    many = inclusion_bars([judged(str(i), Band.CONTESTED, 0.5, MANY) for i in range(600)])
    assert "h1V" in many[0].path, "between many bars no gap is left"


def test_nothing_orders_statements_of_which_nothing_may_be_shown() -> None:
    found = [judged(str(i), Band.INSUFFICIENTLY_SEEN, p, FEW) for i, p in enumerate([0.1, 0.9, 0.5])]
    assert [s.statement.id for s in by_inclusion(found)] == ["0", "1", "2"]


def test_the_least_decided_are_nearest_to_one_half() -> None:
    found = [judged(str(p), Band.CONTESTED, p, MANY) for p in (0.06, 0.4, 0.55, 0.94)]
    assert [s.statement.id for s in least_decided(found, 2)] == ["0.55", "0.4"]


def test_inclusion_has_the_interval_of_its_draws(consultation_of: Make, camps: Camps) -> None:
    consensus = analyse_consensus(consultation_of(camps([40, 30])), ListenConfig(resamples=40))
    for s in consensus.statements:
        found = inclusion(s, consensus.resamples)
        assert found.value == pytest.approx(s.inclusion_probability)
        assert found.n == 40
        assert found.ci[0] <= found.value <= found.ci[1]


def test_a_share_is_written_in_whole_per_cent() -> None:
    assert interval(Estimate(0.914, (0.8649, 0.96), 12)) == "91% [86%, 96%]"
