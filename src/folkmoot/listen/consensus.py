"""What every group agrees on, by several measures at once, and how sure that is.

Axes: P participants who are in, S statements, K components, G groups, R resamples.

Every interval is over resamples that group people anew (`resampling`).
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from folkmoot.listen.config import ListenConfig
from folkmoot.listen.consultation import Consultation
from folkmoot.listen.factors import fit_factors
from folkmoot.listen.groups import Division, find_groups, grouped_votes
from folkmoot.listen.resampling import Resamples, resample
from folkmoot.listen.votes import (
    Counts,
    Floats,
    Ints,
    count,
    count_by_group,
    group_aware_consensus,
    tally,
    vote_matrix,
)
from folkmoot.records import Band, Estimate, Statement, Tally
from folkmoot.seeds import derive
from folkmoot.statistics import benjamini_hochberg, proportion

Numbers = Ints | Floats
CERTAIN = 0.95
"""Share of resamples from which it is certain that a statement is agreed; below 1 less this, that it is not."""
_FALSE_DISCOVERIES = 0.05


@dataclass(frozen=True, slots=True)
class StatementConsensus:
    """One statement by every measure.

    Attributes:
        overall, by_group: votes of everybody and of each group.
        gac: Polis's group-aware consensus, product over groups of (agree + 1) / (seen + 2), with its interval; n counts the
            votes of grouped people, here and below.
        gac_fair: geometric mean over groups of agree · (1 − disagree), both with Jeffreys' ½; it does not fall with the number
            of groups, and disagreement counts against it.
        minimum: smallest share of agreement of any group (Jeffreys), with its interval.
        bridging: intercept of the statement in a model with one factor, in log-odds: agreement that is not explained by
            which side people are on (after Wojcik et al. 2022, "Birdwatch").
        inclusion_probability: share of resamples in which the statement is agreed.
        q_value: false discovery rate (Benjamini and Hochberg) at which every group has a majority for it.
        flags: where the measures disagree, in words.
    """

    statement: Statement
    overall: Tally
    by_group: tuple[Tally, ...]
    gac: Estimate
    gac_fair: Estimate
    minimum: Estimate
    bridging: float
    agreed: bool
    inclusion_probability: float
    band: Band
    q_value: float
    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OpinionGroup:
    """A group, and how firmly its people belong to it.

    Attributes:
        size: people.
        membership: probability of a member to be in it, the mean over members: the share of resamples in which they are
            nearest to its centre. With its 95% interval over resamples; n counts members.
        certain: share of members whose probability is at least 0.95.
        together: share of the group's pairs that a resample leaves together, with its 95% interval over resamples; n counts
            those.
    """

    size: int
    membership: Estimate
    certain: Estimate
    together: Estimate


@dataclass(frozen=True, slots=True)
class Consensus:
    """All statements, and how firm the groups are.

    Attributes:
        groups: largest first.
        stability: adjusted Rand index between the groups and those of a resample, on who was drawn; with its 95% interval.
            None where there is one group.
        resamples: R.
        simulated: the votes come from simulated participants.
        attribution: text that must travel with results; may be empty.
    """

    participants: int
    participants_in: int
    votes: int
    groups: tuple[OpinionGroup, ...]
    stability: Estimate | None
    statements: tuple[StatementConsensus, ...]
    resamples: int
    simulated: bool = False
    attribution: str = ""

    @property
    def group_sizes(self) -> tuple[int, ...]:
        """People in each group."""
        return tuple(group.size for group in self.groups)


def analyse_consensus(consultation: Consultation, config: ListenConfig | None = None, *, seed: int = 0) -> Consensus:
    """Group the participants and judge every statement by every measure.

    In are participants with at least ``min(min_votes, S)`` votes. Overall tallies count everybody; tallies by group only
    who is in. Whether there are groups at all is decided by `find_groups`.

    A statement is agreed where the geometric mean over groups of (agree + 1) / (seen + 2) reaches `config.threshold`,
    every group has at least `config.min_seen` people who saw it, and it is neither moderated out nor about the
    consultation itself.

    Raises:
        FolkmootError: nobody cast enough votes to be in.
    """
    config = config or ListenConfig()
    in_PS, counted_S = grouped_votes(consultation, config)
    with threadpool_limits(limits=1):
        division = find_groups(in_PS, counted_S, config)
        drawn = resample(in_PS, division, counted_S, config.resamples, derive(seed, "listen.consensus"))
        bridging_S = fit_factors(in_PS, 1).intercepts
    groups = count_by_group(in_PS, division.group_P)
    judged = _judge(
        consultation, _Evidence(groups, drawn, count(vote_matrix(consultation)), bridging_S, counted_S), config
    )
    return Consensus(
        consultation.participants,
        len(division.group_P),
        len(consultation.vote_V),
        tuple(_group(division, drawn, g) for g in range(division.groups)),
        _over_resamples(drawn.rand_R) if len(groups) > 1 else None,
        judged,
        config.resamples,
        consultation.simulated,
        consultation.attribution,
    )


def _group(division: Division, drawn: Resamples, g: int) -> OpinionGroup:
    member_P = division.group_P == g
    probability_M = drawn.membership_PG[member_P, g]
    size, certain = len(probability_M), int((probability_M >= CERTAIN).sum())
    membership = replace(_over_resamples(drawn.stay_RG[:, g]), n=size)
    return OpinionGroup(size, membership, proportion(certain, size), _over_resamples(drawn.together_RG[:, g]))


def _over_resamples(value_R: Floats) -> Estimate:
    low, high = np.quantile(value_R, (0.025, 0.975))
    return Estimate(float(value_R.mean()), (float(low), float(high)), len(value_R))


# ------------------------------------------------------------------ measures


@dataclass(frozen=True, slots=True)
class _Evidence:
    groups: list[Counts]
    drawn: Resamples
    overall: Counts
    bridging_S: Floats
    counted_S: NDArray[np.bool_]


def _judge(consultation: Consultation, evidence: _Evidence, config: ListenConfig) -> tuple[StatementConsensus, ...]:
    groups, drawn, overall = evidence.groups, evidence.drawn, evidence.overall
    counted_S, bridging_S = evidence.counted_S, evidence.bridging_S
    agree, disagree, seen = (np.array([getattr(g, name) for g in groups]) for name in ("agree", "disagree", "seen"))
    bar = config.threshold ** len(groups)
    enough_S = (seen.min(axis=0) >= config.min_seen) & counted_S
    agreed_S = (group_aware_consensus(agree, seen) >= bar) & enough_S
    agreed_RS = (
        (group_aware_consensus(drawn.agree, drawn.seen) >= bar)
        & (drawn.seen.min(axis=1) >= config.min_seen)
        & counted_S
    )
    inclusion_S = agreed_RS.mean(axis=0)
    q_S = _majority_everywhere(agree, disagree, enough_S)
    gac = _estimates(
        group_aware_consensus(agree, seen), group_aware_consensus(drawn.agree, drawn.seen), seen.sum(axis=0)
    )
    fair = _estimates(_fair(agree, disagree, seen), _fair(drawn.agree, drawn.disagree, drawn.seen), seen.sum(axis=0))
    minimum = _estimates(_share(agree, seen).min(axis=0), _share(drawn.agree, drawn.seen).min(axis=1), seen.sum(axis=0))
    return tuple(
        StatementConsensus(
            statement=statement,
            overall=tally(overall, s),
            by_group=tuple(tally(g, s) for g in groups),
            gac=gac[s],
            gac_fair=fair[s],
            minimum=minimum[s],
            bridging=float(bridging_S[s]),
            agreed=bool(agreed_S[s]),
            inclusion_probability=float(inclusion_S[s]),
            band=_band(bool(counted_S[s]), bool(enough_S[s]), float(inclusion_S[s])),
            q_value=float(q_S[s]),
            flags=_flags(bool(agreed_S[s]), float(q_S[s]), float(bridging_S[s]), minimum[s].value),
        )
        for s, statement in enumerate(consultation.statements)
    )


def _share(some: Numbers, seen: Numbers) -> Floats:
    share: Floats = (some + 0.5) / (seen + 1)
    return share


def _fair(agree: Numbers, disagree: Numbers, seen: Numbers) -> Floats:
    fair: Floats = np.exp(np.log(_share(agree, seen) * (1 - _share(disagree, seen))).mean(axis=-2))
    return fair


def _estimates(value_S: Floats, value_RS: Floats, votes_S: Ints) -> list[Estimate]:
    low_S, high_S = np.quantile(value_RS, (0.025, 0.975), axis=0)
    return [
        Estimate(float(v), (float(low), float(high)), int(n))
        for v, low, high, n in zip(value_S, low_S, high_S, votes_S, strict=True)
    ]


def _majority_everywhere(agree: Ints, disagree: Ints, enough_S: NDArray[np.bool_]) -> Floats:
    """Return q-values for "in every group more agree than disagree": the largest of the groups' sign tests, then BH.

    (An intersection-union test: all groups must pass, so the largest p-value is the p-value.) Statements that too few saw
    are not tested and have q = 1.
    """
    p_S = stats.binom.sf(agree - 1, agree + disagree, 0.5).max(axis=0)
    q_S = np.ones(len(p_S))
    if enough_S.any():
        q_S[enough_S] = benjamini_hochberg(p_S[enough_S])
    return q_S


def _band(counted: bool, enough: bool, inclusion: float) -> Band:
    if not counted:
        return Band.NOT_COUNTED
    if not enough:
        return Band.INSUFFICIENTLY_SEEN
    if inclusion >= CERTAIN:
        return Band.AGREED
    return Band.NOT_AGREED if inclusion <= 1 - CERTAIN else Band.CONTESTED


def _flags(agreed: bool, q: float, bridging: float, minimum: float) -> tuple[str, ...]:
    found = []
    if agreed and q > _FALSE_DISCOVERIES:
        found.append("agreed, but a majority in every group is not shown")
    if agreed and bridging < 0:
        found.append("agreed, but people no side moves would rather disagree")
    if not agreed and minimum > 0.75 and q <= _FALSE_DISCOVERIES:
        found.append("not agreed by the bar, though more than three quarters of every group agree")
    return tuple(found)
