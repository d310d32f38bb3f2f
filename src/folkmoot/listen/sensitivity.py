"""How the agreed set changes if something is decided otherwise.

Axes: P participants, S statements, V votes. Each variation groups the participants anew, and is held against the agreed set as it
is. Leaving people out always moves something: `Sensitivity.by_chance` says how much, when a twentieth is drawn by lot.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from folkmoot.errors import FolkmootError
from folkmoot.listen.ballots import Ballots, ballots_of, gaps_ms
from folkmoot.listen.changes import Agreed, Change, agreed, agreed_by, change, some_votes, without
from folkmoot.listen.components import project
from folkmoot.listen.config import ListenConfig
from folkmoot.listen.consensus import Consensus, analyse_consensus
from folkmoot.listen.consultation import Consultation
from folkmoot.listen.groups import find_groups, grouped_votes
from folkmoot.listen.suspicion import Marked, Marks, mark, summary
from folkmoot.listen.votes import Floats
from folkmoot.records import Band, Estimate
from folkmoot.seeds import derive, derive_seed

LEFT_OUT = 0.05
"""Share of who is in that a variation by speed, by uniformity or by lot leaves out."""
LOTS = 10
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Varied:
    """One variation: its name, what it does, and what changes; where it cannot be asked, why, and no change."""

    name: str
    means: str
    change: Change | None
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """All variations of one consultation.

    Attributes:
        agreed: statements agreed as things are; a count.
        group_sizes: people in each group.
        by_chance: Jaccard index when a twentieth of people are left out by lot: the mean and the range of ten draws; None
            where a draw agrees on nothing either time.
        simulated, attribution: as of the consultation.
    """

    participants_in: int
    agreed: int
    group_sizes: tuple[int, ...]
    variations: tuple[Varied, ...]
    by_chance: Estimate | None
    simulated: bool = False
    attribution: str = ""


@dataclass(frozen=True, slots=True)
class SuspicionReport:
    """What the tests of suspicious voting mark, and what becomes of the agreed set without who is marked."""

    participants_in: int
    tests: tuple[Marked, ...]
    without: Change
    simulated: bool = False
    attribution: str = ""


def report_suspicion(
    consultation: Consultation, config: ListenConfig | None = None, *, seed: int = 0
) -> SuspicionReport:
    """Test everybody who is in and say what is agreed without who is marked.

    Raises:
        FolkmootError: nobody cast enough votes to be in, or nobody is left who did.
    """
    usual = _usual(consultation, config or ListenConfig(), seed)
    marks = mark(consultation, usual.config, seed=seed)
    return SuspicionReport(
        marks.ballots.people,
        summary(marks),
        usual.left_out(marks.participants(consultation)),
        consultation.simulated,
        consultation.attribution,
    )


def vary(
    consultation: Consultation,
    config: ListenConfig | None = None,
    *,
    seed: int = 0,
    progress: Progress = lambda *_: None,
) -> Sensitivity:
    """Hold every variation against the agreed set as it is.

    Raises:
        FolkmootError: nobody cast enough votes to be in.
    """
    usual = _usual(consultation, config or ListenConfig(), seed)
    found = []
    for varied in _variations(usual):
        found.append(varied)
        progress("varying", len(found), 7)
    return Sensitivity(
        participants_in=sum(usual.agreed.group_sizes),
        agreed=len(usual.agreed.ids),
        group_sizes=usual.agreed.group_sizes,
        variations=tuple(found),
        by_chance=_by_lot(usual),
        simulated=consultation.simulated,
        attribution=consultation.attribution,
    )


# ------------------------------------------------------------------ as things are


@dataclass(frozen=True, slots=True)
class _Usual:
    """The consultation, what is agreed as things are, and the band of each statement."""

    consultation: Consultation
    config: ListenConfig
    seed: int
    agreed: Agreed
    bands: dict[str, Band]

    def against(self, other: Consultation, config: ListenConfig | None = None) -> Change:
        """Hold what another consultation, or other settings, agree on against this."""
        after = agreed(other, config or self.config)
        return change(self.consultation, self.agreed, after, self.bands)

    def left_out(self, left_out_P: NDArray[np.bool_]) -> Change:
        """Hold what is agreed without some participants against this."""
        after = agreed(without(self.consultation, left_out_P), self.config)
        return change(self.consultation, self.agreed, after, self.bands, left_out=int(left_out_P.sum()))

    @property
    def ballots(self) -> Ballots:
        """Votes of who is in."""
        needed = min(self.config.min_votes, len(self.consultation.statements))
        return ballots_of(self.consultation, at_least=needed)


def _usual(consultation: Consultation, config: ListenConfig, seed: int) -> _Usual:
    found: Consensus = analyse_consensus(consultation, config, seed=seed)
    return _Usual(
        consultation,
        config,
        seed,
        Agreed(frozenset(s.statement.id for s in found.statements if s.agreed), found.group_sizes),
        {s.statement.id: s.band for s in found.statements},
    )


# ------------------------------------------------------------------ variations


def _variations(usual: _Usual) -> Iterator[Varied]:
    yield _asked("moderated-in", "statements that moderation took out count again", lambda: _moderated_in(usual))
    yield _asked(
        "without-fastest", "the fastest twentieth, by median time between votes, is left out", lambda: _fastest(usual)
    )
    yield _asked(
        "without-most-uniform",
        "the twentieth that most often casts one and the same vote is left out",
        lambda: _most_uniform(usual),
    )
    yield _asked(
        "without-suspicious", "who any test of suspicious voting marks is left out", lambda: _suspicious(usual)
    )
    yield _asked("largest-group-split", "the largest group is split in two", lambda: _split(usual))
    yield _asked("passes-unseen", "a pass is taken as not having seen the statement", lambda: _no_passes(usual))
    yield _asked("one-group", "everybody is one group", lambda: _one_group(usual))


def _asked(name: str, means: str, ask: Callable[[], Change]) -> Varied:
    try:
        return Varied(name, means, ask())
    except FolkmootError as error:
        return Varied(name, means, None, error.what)


def _moderated_in(usual: _Usual) -> Change:
    statements = tuple(replace(s, moderated=max(s.moderated, 0)) for s in usual.consultation.statements)
    if statements == usual.consultation.statements:
        raise FolkmootError("nothing was moderated out")
    return usual.against(replace(usual.consultation, statements=statements))


def _fastest(usual: _Usual) -> Change:
    ballots = usual.ballots
    gap_V = gaps_ms(ballots)
    if gap_V is None:
        raise FolkmootError("the source has no times")
    median_P = np.array(
        [np.median(gap_V[ballots.of(p)][1:]) if cast > 1 else np.inf for p, cast in enumerate(ballots.cast)]
    )
    return usual.left_out(_lowest(usual, ballots, median_P))


def _most_uniform(usual: _Usual) -> Change:
    ballots = usual.ballots
    most_P = np.max([ballots.sums(ballots.vote_V == kind) for kind in (-1, 0, 1)], axis=0)
    return usual.left_out(_lowest(usual, ballots, -most_P / ballots.cast))


def _suspicious(usual: _Usual) -> Change:
    marks: Marks = mark(usual.consultation, usual.config, seed=usual.seed)
    return usual.left_out(marks.participants(usual.consultation))


def _split(usual: _Usual) -> Change:
    in_PS, counted_S = grouped_votes(usual.consultation, usual.config)
    with threadpool_limits(limits=1):
        group_P = find_groups(in_PS, counted_S, usual.config).group_P
        largest = group_P == 0
        places_P2 = project(in_PS[largest], counted_S)
        if len(np.unique(places_P2, axis=0)) < 2:
            raise FolkmootError("the largest group holds nobody who votes otherwise")
        state = derive_seed(usual.seed, "listen.split") % 2**32
        half = KMeans(2, n_init=10, random_state=state).fit(places_P2).labels_
    split_P = group_P.copy()
    split_P[np.flatnonzero(largest)[half == 1]] = group_P.max() + 1
    after = agreed_by(usual.consultation, in_PS, counted_S, split_P, usual.config)
    return change(usual.consultation, usual.agreed, after, usual.bands)


def _no_passes(usual: _Usual) -> Change:
    return usual.against(some_votes(usual.consultation, usual.consultation.vote_V != 0))


def _one_group(usual: _Usual) -> Change:
    return usual.against(usual.consultation, usual.config.model_copy(update={"max_groups": 1}))


# ------------------------------------------------------------------ who is left out


def _by_lot(usual: _Usual) -> Estimate | None:
    ballots = usual.ballots
    changes = [
        usual.left_out(_lowest(usual, ballots, derive(usual.seed, "listen.lot", draw).random(ballots.people)))
        for draw in range(LOTS)
    ]
    alike = [c.jaccard for c in changes if c.jaccard is not None]
    if len(alike) < LOTS:
        return None
    return Estimate(float(np.mean(alike)), (min(alike), max(alike)), LOTS)


def _lowest(usual: _Usual, ballots: Ballots, measure_P: Floats) -> NDArray[np.bool_]:
    """Return which participants are the twentieth lowest; of equals, who cast more votes, then who comes first in canonical order."""
    count = int(LEFT_OUT * ballots.people)
    lowest = np.lexsort((-ballots.cast, measure_P))[:count]
    left_out = np.zeros(usual.consultation.participants, dtype=bool)
    left_out[ballots.participant_P[lowest]] = True
    return left_out
