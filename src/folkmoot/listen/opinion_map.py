"""The opinion map: where people stand on the two directions in which votes differ most, and nobody by himself.

Axes: P participants who are in, S statements, G groups. Places are in votes: who agrees with a statement instead of voting
like the average moves by its loading (see `components`). The two directions have no names, and which end is which means
nothing.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from folkmoot.listen.components import centred, components, stretched_places
from folkmoot.listen.config import ListenConfig
from folkmoot.listen.consultation import Consultation
from folkmoot.listen.groups import find_groups, grouped_votes
from folkmoot.listen.votes import Floats, Ints, Votes, count_by_group
from folkmoot.records import SMALL_CELL, Estimate, Statement

MOST_PULLS = 10
"""Statements shown as arrows."""
_ACROSS = (28, 24, 20, 16, 12, 10, 8, 6, 4)
_DRAWN = 2 / 3
_NORMAL = float(stats.norm.ppf(0.975))


@dataclass(frozen=True, slots=True)
class Cell:
    """People of one group who stand in one hexagon; `SMALL_CELL` of them or more."""

    group: int
    x: float
    y: float
    people: int


@dataclass(frozen=True, slots=True)
class Cloud:
    """A group and its spread.

    Attributes:
        centre: mean place, each with its interval; n counts the people.
        half_axes: the ellipse around the half of the group that stands nearest its centre (by Mahalanobis distance), its longer
            half axis first; the interval is that of the median distance, the shape kept.
        angle: of the longer axis against the first direction, in degrees.
    """

    group: int
    people: int
    centre: tuple[Estimate, Estimate]
    half_axes: tuple[Estimate, Estimate]
    angle: float


@dataclass(frozen=True, slots=True)
class Pull:
    """A statement and which way it pulls those who agree: its loadings, with intervals."""

    statement: Statement
    x: Estimate
    y: Estimate

    @property
    def length(self) -> float:
        """How strongly it pulls."""
        return float(np.hypot(self.x.value, self.y.value))


@dataclass(frozen=True, slots=True)
class OpinionMap:
    """Where people stand.

    Attributes:
        people: P.
        explained: share of the differences in votes along each direction; n = P.
        hexagon: distance from the centre of a hexagon to its corners.
        hidden: people who stand where fewer than `SMALL_CELL` of their group do; they are in no cell.
        clouds: groups of `SMALL_CELL` people or more.
        pulls: the statements that pull most, strongest first.
    """

    people: int
    explained: tuple[Estimate, Estimate]
    cells: tuple[Cell, ...]
    hexagon: float
    hidden: int
    clouds: tuple[Cloud, ...]
    pulls: tuple[Pull, ...]


def map_opinions(consultation: Consultation, config: ListenConfig | None = None) -> OpinionMap:
    """Return where people stand, by cells, groups and statements; the groups are those of `analyse_consensus`.

    Raises:
        FolkmootError: nobody cast enough votes to be in.
    """
    config = config or ListenConfig()
    in_PS, counted_S = grouped_votes(consultation, config)
    with threadpool_limits(limits=1):
        group_P = find_groups(in_PS, counted_S, config).group_P
        centred_PS = centred(in_PS, counted_S)
        axes_2S = components(centred_PS, 2)[1]
    places_P2 = stretched_places(centred_PS, axes_2S, in_PS)
    cells, hexagon = density(places_P2, group_P)
    shown_S = counted_S & (np.min([g.seen for g in count_by_group(in_PS, group_P)], axis=0) >= SMALL_CELL)
    return OpinionMap(
        people=len(group_P),
        explained=_explained(centred_PS, axes_2S),
        cells=cells,
        hexagon=hexagon,
        hidden=len(group_P) - sum(cell.people for cell in cells),
        clouds=_clouds(places_P2, group_P),
        pulls=_pulls(consultation, centred_PS, axes_2S, shown_S),
    )


# ------------------------------------------------------------------ density


def density(places_P2: Floats, group_P: Ints) -> tuple[tuple[Cell, ...], float]:
    """Return hexagons that hold `SMALL_CELL` people of a group or more, and how large a hexagon is.

    They are as small as they can be while two thirds of the people are in one; where that never is so, as large as it
    is still a map.
    """
    reach = 2 * float(np.quantile(np.hypot(*places_P2.T), 0.95)) or 1.0
    cells: tuple[Cell, ...] = ()
    width = reach
    for across in _ACROSS:
        width = reach / across
        cells = _cells(places_P2, group_P, width)
        if sum(cell.people for cell in cells) >= _DRAWN * len(group_P):
            break
    return cells, width / np.sqrt(3)


def _cells(places_P2: Floats, group_P: Ints, width: float) -> tuple[Cell, ...]:
    centre_P2 = _nearest_hexagon(places_P2, width)
    keys = np.column_stack([group_P, centre_P2])
    found, people = np.unique(keys, axis=0, return_counts=True)
    step = np.array([width / 2, width * np.sqrt(3) / 2])
    return tuple(
        Cell(int(g), float(x * step[0]), float(y * step[1]), int(n))
        for (g, x, y), n in zip(found, people, strict=True)
        if n >= SMALL_CELL
    )


def _nearest_hexagon(places_P2: Floats, width: float) -> Ints:
    """Return the hexagon of each place, P x 2, counted in half widths across and in rows up; one is centred on 0."""
    step = np.array([width, width * np.sqrt(3)])
    even_P2 = np.rint(places_P2 / step)  # hexagons are the cells of two rectangular grids, one shifted by half a step
    odd_P2 = np.floor(places_P2 / step) + 0.5
    nearer = ((places_P2 - odd_P2 * step) ** 2).sum(axis=1) < ((places_P2 - even_P2 * step) ** 2).sum(axis=1)
    nearest: Ints = np.rint(2 * np.where(nearer[:, None], odd_P2, even_P2)).astype(np.int64)
    return nearest


# ------------------------------------------------------------------ groups


def _clouds(places_P2: Floats, group_P: Ints) -> tuple[Cloud, ...]:
    sizes = np.bincount(group_P)
    return tuple(_cloud(g, places_P2[group_P == g]) for g in range(len(sizes)) if sizes[g] >= SMALL_CELL)


def _cloud(group: int, places_P2: Floats) -> Cloud:
    covariance = np.cov(places_P2.T)
    away_P2 = places_P2 - places_P2.mean(axis=0)
    squared_P = np.einsum("pi,ij,pj->p", away_P2, np.linalg.pinv(covariance, hermitian=True), away_P2)
    variance, direction = np.linalg.eigh(covariance)
    distance, low, high = _median(np.sqrt(np.maximum(squared_P, 0)))
    short, long = (
        Estimate(deviation * distance, (deviation * low, deviation * high), len(places_P2))
        for deviation in np.sqrt(np.maximum(variance, 0)).tolist()
    )
    angle = float(np.degrees(np.arctan2(direction[1, 1], direction[0, 1]))) % 180
    centre = (_mean(places_P2[:, 0]), _mean(places_P2[:, 1]))
    return Cloud(group, len(places_P2), centre, (long, short), angle)


def _median(values_P: Floats) -> tuple[float, float, float]:
    """Return the median and its interval between two order statistics (Conover 1999, section 3.2)."""
    n = len(values_P)
    ranks = stats.binom.ppf((0.025, 0.975), n, 0.5).astype(int)
    low, high = np.sort(values_P)[[max(ranks[0] - 1, 0), min(ranks[1], n - 1)]]
    return float(np.median(values_P)), float(low), float(high)


def _mean(values_P: Floats) -> Estimate:
    value, n = float(values_P.mean()), len(values_P)
    return _around(value, _NORMAL * float(values_P.std(ddof=1)) / np.sqrt(n), n)


# ------------------------------------------------------------------ directions and statements


def _explained(centred_PS: Votes, axes_2S: Floats) -> tuple[Estimate, Estimate]:
    """Return which share of the squared differences from the mean vote lies along each axis.

    A ratio of two sums over people; its interval is that of a ratio estimator (Cochran 1977, section 6.3), the axes kept.
    """
    whole_P = np.asarray(centred_PS.multiply(centred_PS).sum(axis=1)).ravel()
    along_P2 = np.asarray(centred_PS @ axes_2S.T) ** 2
    first, second = (_ratio(along_P2[:, axis], whole_P) for axis in (0, 1))
    return first, second


def _ratio(part_P: Floats, whole_P: Floats) -> Estimate:
    n, total = len(whole_P), float(whole_P.sum())
    if total == 0:
        return Estimate(0.0, (0.0, 0.0), n)
    value = float(part_P.sum()) / total
    error = np.sqrt(((part_P - value * whole_P) ** 2).sum() * n / max(n - 1, 1)) / total
    whole = _around(value, _NORMAL * float(error), n)
    return Estimate(value, (max(whole.ci[0], 0.0), min(whole.ci[1], 1.0)), n)


def _pulls(
    consultation: Consultation, centred_PS: Votes, axes_2S: Floats, shown_S: NDArray[np.bool_]
) -> tuple[Pull, ...]:
    """Return the statements of largest loadings.

    A loading is the slope of the votes on a statement against people's places, so its interval is that of a slope where
    people differ in variance (White 1980), the places kept.
    """
    length_S = np.hypot(*axes_2S) * shown_S
    strongest = [s for s in np.argsort(-length_S, kind="stable")[:MOST_PULLS] if length_S[s] > 0]
    places_P2 = np.asarray(centred_PS @ axes_2S.T)
    squared_2 = np.maximum((places_P2**2).sum(axis=0), np.finfo(float).tiny)
    found = []
    for s in strongest:
        voted_P = centred_PS[:, [s]].toarray().ravel()
        rest_P = voted_P - places_P2 @ axes_2S[:, s]
        error_2 = np.sqrt((places_P2**2 * rest_P[:, None] ** 2).sum(axis=0)) / squared_2
        x, y = (_around(float(axes_2S[a, s]), _NORMAL * float(error_2[a]), centred_PS.shape[0]) for a in (0, 1))
        found.append(Pull(consultation.statements[s], x, y))
    return tuple(found)


def _around(value: float, reach: float, n: int) -> Estimate:
    return Estimate(value, (value - float(reach), value + float(reach)), n)
