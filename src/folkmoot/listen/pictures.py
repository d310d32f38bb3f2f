"""What the pictures of the opinion page show and where: places on the drawing, no words but numbers.

Axes: S statements, G groups. The map is drawn in units of its view box, y downwards; rows and bars in per cent of their
width and height.
"""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from folkmoot.listen.consensus import StatementConsensus
from folkmoot.listen.opinion_map import Cell, Cloud, OpinionMap
from folkmoot.pages import whole_percent
from folkmoot.records import SMALL_CELL, Band, Estimate, Tally
from folkmoot.statistics import proportion

ALL = -1
"""Stands for everybody where a group's number would."""
BANDS = (Band.AGREED, Band.CONTESTED, Band.NOT_AGREED, Band.INSUFFICIENTLY_SEEN, Band.NOT_COUNTED)
"""From what is surely agreed to what was not asked."""
MAP_WIDTH = 380.0
_MAP_HEIGHT = (260.0, 420.0)
_MARGIN = 20.0
_SMALLEST_HEXAGON = 3.0
_GAP = 0.95
_LABEL = 8.0
_LANE = 18
_PULL_REACH = 0.42

Point = tuple[float, float]


def letter(group: int) -> str:
    """Return what a group is called: A is the largest."""
    return chr(ord("A") + group)


def figures(cells: Sequence[Tally]) -> bool:
    """Whether figures by group may be shown: no cell is so small that its people could be told."""
    return all(cell.seen >= SMALL_CELL for cell in cells)


# ------------------------------------------------------------------ the map


@dataclass(frozen=True, slots=True)
class Hexagon:
    """People of a group in one place: the darker, the more."""

    group: int
    corners: str
    opacity: float


@dataclass(frozen=True, slots=True)
class Ellipse:
    """The middle half of a group, and where its letter stands."""

    group: int
    x: float
    y: float
    long: float
    short: float
    turned: float


@dataclass(frozen=True, slots=True)
class Arrow:
    """Which way a statement pulls, and where its number stands."""

    number: int
    x: float
    y: float
    label: Point


@dataclass(frozen=True, slots=True)
class MapPicture:
    """The opinion map as it is drawn."""

    width: float
    height: float
    origin: Point
    hexagons: tuple[Hexagon, ...]
    ellipses: tuple[Ellipse, ...]
    arrows: tuple[Arrow, ...]


@dataclass(frozen=True, slots=True)
class _Frame:
    """From places to the drawing: y turns round."""

    left: float
    top: float
    scale: float

    def at(self, x: float, y: float) -> Point:
        return round((x - self.left) * self.scale + _MARGIN, 1), round((self.top - y) * self.scale + _MARGIN, 1)


def draw_map(found: OpinionMap) -> MapPicture | None:
    """Return the map as it is drawn; None where nothing may be shown on one."""
    if not found.clouds:
        return None
    corners = [*_corners_of_cells(found), *_corners_of_clouds(found.clouds)]
    reach = _PULL_REACH * max(float(np.ptp([x for x, _ in corners])), float(np.ptp([y for _, y in corners])))
    longest = max((pull.length for pull in found.pulls), default=1.0)
    tips = [(pull.x.value * reach / longest, pull.y.value * reach / longest) for pull in found.pulls]
    frame, height = _frame([*corners, *tips, (0.0, 0.0)])
    ellipses = tuple(_ellipse(cloud, frame) for cloud in found.clouds)
    origin = frame.at(0, 0)
    return MapPicture(
        MAP_WIDTH,
        height,
        origin,
        _hexagons(found, frame),
        ellipses,
        _arrows([frame.at(*tip) for tip in tips], origin, [(e.x, e.y) for e in ellipses], height),
    )


def _corners_of_cells(found: OpinionMap) -> Iterable[Point]:
    for cell in found.cells:
        yield cell.x - found.hexagon, cell.y - found.hexagon
        yield cell.x + found.hexagon, cell.y + found.hexagon


def _corners_of_clouds(clouds: Sequence[Cloud]) -> Iterable[Point]:
    for cloud in clouds:
        (long, short), turn = (half.value for half in cloud.half_axes), np.radians(cloud.angle)
        reach_x = float(np.hypot(long * np.cos(turn), short * np.sin(turn)))
        reach_y = float(np.hypot(long * np.sin(turn), short * np.cos(turn)))
        x, y = (estimate.value for estimate in cloud.centre)
        yield x - reach_x, y - reach_y
        yield x + reach_x, y + reach_y


def _frame(points: Sequence[Point]) -> tuple[_Frame, float]:
    """Fit the points into the width and at most the greatest height, both axes alike; return that and the height."""
    low, high = np.min(points, axis=0), np.max(points, axis=0)
    span_x, span_y = np.maximum(high - low, 1e-9)
    inside = MAP_WIDTH - 2 * _MARGIN
    scale = min(inside / span_x, (_MAP_HEIGHT[1] - 2 * _MARGIN) / span_y)
    if max(span_x, span_y) <= 1e-9:
        scale = 1.0
    height = max(_MAP_HEIGHT[0], span_y * scale + 2 * _MARGIN)
    left = (low[0] + high[0] - inside / scale) / 2
    top = (low[1] + high[1] + (height - 2 * _MARGIN) / scale) / 2
    return _Frame(float(left), float(top), float(scale)), round(float(height), 1)


def _hexagons(found: OpinionMap, frame: _Frame) -> tuple[Hexagon, ...]:
    most = max((cell.people for cell in found.cells), default=1)
    radius = max(_GAP * found.hexagon * frame.scale, _SMALLEST_HEXAGON)
    return tuple(
        Hexagon(cell.group, _hexagon(cell, radius, frame), round(0.15 + 0.6 * float(np.sqrt(cell.people / most)), 2))
        for cell in found.cells
    )


def _hexagon(cell: Cell, radius: float, frame: _Frame) -> str:
    x, y = frame.at(cell.x, cell.y)
    turns = np.radians(np.arange(30, 390, 60))
    return " ".join(f"{x + radius * np.cos(turn):.1f},{y + radius * np.sin(turn):.1f}" for turn in turns)


def _ellipse(cloud: Cloud, frame: _Frame) -> Ellipse:
    x, y = frame.at(cloud.centre[0].value, cloud.centre[1].value)
    long, short = (round(max(half.value * frame.scale, 2.0), 1) for half in cloud.half_axes)
    return Ellipse(cloud.group, x, y, long, short, round(-cloud.angle, 1))


def _arrows(tips: Sequence[Point], origin: Point, taken: Sequence[Point], height: float) -> tuple[Arrow, ...]:
    placed, arrows = list(taken), []
    for number, tip in enumerate(tips, 1):
        label = _free_place(tip, origin, placed, height)
        placed.append(label)
        arrows.append(Arrow(number, *tip, label))
    return tuple(arrows)


def _free_place(tip: Point, origin: Point, placed: Sequence[Point], height: float) -> Point:
    """Return a place for a number near the tip of its arrow that covers no other label; straight on if it can be."""
    ahead = float(np.arctan2(tip[1] - origin[1], tip[0] - origin[0]))
    tried = [
        (tip[0] + far * _LABEL * np.cos(ahead + turn), tip[1] + far * _LABEL * np.sin(ahead + turn))
        for far, turn in itertools.product((1.3, 2.0, 3.0, 4.0), np.radians((0, 30, -30, 60, -60, 90, -90, 120, -120)))
    ]
    for x, y in tried:
        inside = _LABEL <= x <= MAP_WIDTH - _LABEL and _LABEL <= y <= height - _LABEL
        if inside and all(np.hypot(x - other[0], y - other[1]) >= 2.1 * _LABEL for other in placed):
            return round(float(x), 1), round(float(y), 1)
    return round(float(tried[0][0]), 1), round(float(tried[0][1]), 1)


# ------------------------------------------------------------------ agreement by group


@dataclass(frozen=True, slots=True)
class Dot:
    """A share that agrees, with its interval, in per cent of the width; `lane` is how far down, in pixels."""

    group: int
    name: str
    share: Estimate
    lane: int

    @property
    def text(self) -> str:
        """The same in words."""
        return f"{self.name} {self.figure}"

    @property
    def figure(self) -> str:
        """The share alone, with its interval and n."""
        return f"{interval(self.share)} of {self.share.n:,}"


@dataclass(frozen=True, slots=True)
class DotRow:
    """Who agrees with one statement: everybody, then group by group."""

    found: StatementConsensus
    dots: tuple[Dot, ...]

    @property
    def height(self) -> int:
        """Pixels that the lanes take."""
        return _LANE * len(self.dots)

    @property
    def longest(self) -> int:
        """Characters of the longest figure."""
        return max((len(dot.figure) for dot in self.dots), default=0)


def interval(estimate: Estimate) -> str:
    """Format a share with its interval in whole per cent."""
    low, high = estimate.ci
    return f"{whole_percent(estimate.value)} [{whole_percent(low)}, {whole_percent(high)}]"


def agreement(cell: Tally) -> Estimate | None:
    """Return the share that agrees among those who voted, passes included; None for a small cell."""
    return proportion(cell.agree, cell.seen) if cell.seen >= SMALL_CELL else None


def shares(found: StatementConsensus) -> tuple[Estimate | None, ...]:
    """Return the shares that agree: everybody's and each group's; no group's where one cell is small."""
    by_group = [agreement(cell) if figures(found.by_group) else None for cell in found.by_group]
    return (agreement(found.overall), *by_group)


def dot_row(found: StatementConsensus) -> DotRow:
    """Return the row of one statement; what is suppressed has no dot. One group alone is not shown beside everybody."""
    by_group = shares(found)[: 1 if len(found.by_group) == 1 else None]
    shown = [(group, share) for group, share in enumerate(by_group, ALL) if share is not None]
    return DotRow(
        found,
        tuple(
            Dot(group, "all" if group == ALL else letter(group), share, _LANE * lane + _LANE // 2)
            for lane, (group, share) in enumerate(shown)
        ),
    )


def nearest_to_agreement(found: Sequence[StatementConsensus], most: int) -> tuple[DotRow, ...]:
    """Return the statements that are agreed or contested, by size-fair consensus, at most so many."""
    possible = [s for s in found if s.band in {Band.AGREED, Band.CONTESTED} and figures(s.by_group)]
    return tuple(dot_row(s) for s in sorted(possible, key=lambda s: -s.gac_fair.value)[:most])


def most_dividing(found: Sequence[StatementConsensus], most: int) -> tuple[DotRow, ...]:
    """Return the statements on which two groups differ most, by the gap between their intervals; none without a gap.

    The gap and not the difference: the largest differences are otherwise found where fewest people voted.
    """
    counted = [s for s in found if s.band != Band.NOT_COUNTED and len(s.by_group) > 1 and figures(s.by_group)]
    apart = sorted(((_gap(s), s) for s in counted), key=lambda pair: -pair[0])
    return tuple(dot_row(s) for gap, s in apart[:most] if gap > 0)


def _gap(found: StatementConsensus) -> float:
    by_group = [share for share in shares(found)[1:] if share is not None]
    return max(share.ci[0] for share in by_group) - min(share.ci[1] for share in by_group)


# ------------------------------------------------------------------ inclusion


@dataclass(frozen=True, slots=True)
class BandShare:
    """How many statements are in a band, and where its part of the bar begins and how long it is."""

    band: Band
    count: int
    start: float
    length: float


def band_shares(found: Sequence[StatementConsensus]) -> tuple[BandShare, ...]:
    """Return all five bands, also empty ones, in per cent of all statements."""
    counts = [(band, sum(s.band == band for s in found)) for band in BANDS]
    starts = itertools.accumulate((count for _, count in counts), initial=0)
    per_cent = 100 / max(len(found), 1)
    return tuple(
        BandShare(band, count, round(start * per_cent, 3), round(count * per_cent, 3))
        for (band, count), start in zip(counts, starts, strict=False)
    )


def by_inclusion(found: Sequence[StatementConsensus]) -> tuple[StatementConsensus, ...]:
    """Return statements band by band, in each the surest first; where nothing may be shown, nothing orders them."""

    def key(s: StatementConsensus) -> tuple[float, ...]:
        judged = (-s.inclusion_probability, -s.gac_fair.value) if is_judged(s) else (1.0,)
        return (BANDS.index(s.band), *judged)

    return tuple(sorted(found, key=key))


def is_judged(found: StatementConsensus) -> bool:
    """Whether enough people of every group voted to say how sure its agreement is."""
    return found.band in {Band.AGREED, Band.CONTESTED, Band.NOT_AGREED} and figures(found.by_group)


def inclusion(found: StatementConsensus, resamples: int) -> Estimate:
    """Return the inclusion probability with the interval that comes of the number of resamples."""
    return proportion(round(found.inclusion_probability * resamples), resamples)


@dataclass(frozen=True, slots=True)
class BandBars:
    """One path per band in a box as many wide as there are statements, 100 high: a bar is a probability in per cent."""

    band: Band
    path: str
    first: int
    count: int


def inclusion_bars(found: Sequence[StatementConsensus]) -> tuple[BandBars, ...]:
    """Return the bars of all judged statements from the surest to the least; a gap stands between few, none between many."""
    judged = [s for s in by_inclusion(found) if is_judged(s)]
    wide = 0.8 if len(judged) <= 150 else 1.0
    bars = []
    for band, run in itertools.groupby(enumerate(judged), key=lambda pair: pair[1].band):
        some = list(run)
        path = "".join(
            f"M{i} 100V{100 - 100 * s.inclusion_probability:.1f}h{wide:g}V100z"
            for i, s in some
            if s.inclusion_probability > 0
        )
        bars.append(BandBars(band, path, some[0][0], len(some)))
    return tuple(bars)


def least_decided(found: Sequence[StatementConsensus], most: int) -> tuple[StatementConsensus, ...]:
    """Return the contested statements nearest to one half, at most so many, from the surer to the less sure."""
    contested = [s for s in found if s.band == Band.CONTESTED and is_judged(s)]
    nearest = sorted(contested, key=lambda s: abs(s.inclusion_probability - 0.5))[:most]
    return by_inclusion(nearest)
