"""What every group agrees on, by several measures at once, and how sure that is.

Axes: P participants who are in, S statements, K components, G groups, R resamples.

A resample draws participants with replacement, finds the components of who was drawn and groups them anew, starting from
the groups of everybody; the number of groups stays. So the uncertainty of who stands with whom is part of every interval.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, stats
from sklearn.metrics import adjusted_rand_score
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from folkmoot.listen.components import centred, components, stretched_places
from folkmoot.listen.config import ListenConfig
from folkmoot.listen.consultation import Consultation
from folkmoot.listen.factors import fit_factors
from folkmoot.listen.groups import find_groups, group_components, grouped_votes
from folkmoot.listen.kmeans import centres_of, moved_centres, nearest
from folkmoot.listen.votes import (
    Counts,
    Floats,
    Ints,
    Votes,
    count,
    count_by_group,
    group_aware_consensus,
    tally,
    vote_matrix,
    where,
)
from folkmoot.records import Estimate, Statement, Tally
from folkmoot.seeds import derive
from folkmoot.statistics import benjamini_hochberg

Numbers = Ints | Floats
CERTAIN = 0.95
"""Share of resamples from which it is certain that a statement is agreed; below 1 less this, that it is not."""
_SUBSPACE_ROUNDS = 3
_FALSE_DISCOVERIES = 0.05


class Band(StrEnum):
    """How sure it is whether a statement is agreed by all groups."""

    AGREED = "agreed"  # in at least 95% of resamples
    NOT_AGREED = "not agreed"  # in at most 5%
    CONTESTED = "contested"  # in between: other people of the same public would have decided otherwise
    INSUFFICIENTLY_SEEN = "insufficiently seen"  # too few people of some group voted on it
    NOT_COUNTED = "not counted"  # moderated out, or about the consultation itself


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
class Consensus:
    """All statements, and how firm the groups are.

    Attributes:
        stability: adjusted Rand index between the groups and those of a resample, on who was drawn; with its 95% interval.
            None where there is one group.
        resamples: R.
        simulated: the votes come from simulated participants.
        attribution: text that must travel with results; may be empty.
    """

    participants: int
    participants_in: int
    votes: int
    group_sizes: tuple[int, ...]
    stability: Estimate | None
    statements: tuple[StatementConsensus, ...]
    resamples: int
    simulated: bool = False
    attribution: str = ""


def analyse_consensus(consultation: Consultation, config: ListenConfig | None = None, *, seed: int = 0) -> Consensus:
    """Group the participants and judge every statement by every measure.

    Who is in, the groups and which statements are agreed are those of `opinion.analyse`.

    Raises:
        FolkmootError: nobody cast enough votes to be in.
    """
    config = config or ListenConfig()
    in_PS, counted_S = grouped_votes(consultation, config)
    with threadpool_limits(limits=1):
        group_P = find_groups(in_PS, counted_S, config)
        drawn = _resample(in_PS, group_P, counted_S, config, derive(seed, "listen.consensus"))
        bridging_S = fit_factors(in_PS, 1).intercepts
    groups = count_by_group(in_PS, group_P)
    judged = _judge(
        consultation, _Evidence(groups, drawn, count(vote_matrix(consultation)), bridging_S, counted_S), config
    )
    return Consensus(
        consultation.participants,
        len(group_P),
        len(consultation.vote_V),
        tuple(int(size) for size in np.bincount(group_P)),
        _stability(drawn.rand_R) if len(groups) > 1 else None,
        judged,
        config.resamples,
        consultation.simulated,
        consultation.attribution,
    )


# ------------------------------------------------------------------ resampling people, regrouping included


@dataclass(frozen=True, slots=True)
class _Drawn:
    """Counts of R resamples, each R x G x S, and how like the groups are to those of everybody, R-long."""

    agree: Floats
    disagree: Floats
    seen: Floats
    rand_R: Floats


def _resample(
    votes_PS: Votes, group_P: Ints, counted_S: NDArray[np.bool_], config: ListenConfig, rng: np.random.Generator
) -> _Drawn:
    resamples = config.resamples
    people, statements = votes_PS.shape
    k = int(group_P.max()) + 1
    shape = (resamples, k, statements)
    drawn = _Drawn(np.empty(shape), np.empty(shape), np.empty(shape), np.ones(resamples))
    kinds = [
        (counts, where(votes_PS, vote).T.tocsr())
        for counts, vote in ((drawn.agree, 1), (drawn.disagree, -1), (drawn.seen, None))
    ]
    count = group_components(votes_PS, counted_S, config) if k > 1 else 1
    right_KS = components(centred(votes_PS, counted_S), count)[1]
    for r in range(resamples):
        weight_P = rng.multinomial(people, np.full(people, 1 / people)).astype(np.float64)
        found_P = group_P if k == 1 else _regroup(votes_PS, weight_P, group_P, right_KS, counted_S)
        membership_PG = np.zeros((people, k))
        membership_PG[np.arange(people), found_P] = weight_P
        for counts, votes_SP in kinds:
            counts[r] = np.asarray(votes_SP @ membership_PG).T
        if k > 1:
            drawn.rand_R[r] = adjusted_rand_score(group_P[weight_P > 0], found_P[weight_P > 0])
    return drawn


def _regroup(votes_PS: Votes, weight_P: Floats, group_P: Ints, right_KS: Floats, counted_S: NDArray[np.bool_]) -> Ints:
    """Group who was drawn anew, from the components of who was drawn; the places of all others are found with them."""
    cells, weight_V = votes_PS.indices, np.repeat(weight_P, np.diff(votes_PS.indptr))
    seen_S = np.bincount(cells, weights=weight_V, minlength=votes_PS.shape[1])
    mean_S = np.bincount(cells, weights=weight_V * votes_PS.data, minlength=votes_PS.shape[1]) / np.maximum(
        seen_S, 1e-9
    )
    data_V = (votes_PS.data - mean_S[cells]) * (counted_S & (seen_S > 0))[cells]
    centred_PS = sparse.csr_array((data_V, cells, votes_PS.indptr), shape=votes_PS.shape)
    for _ in range(_SUBSPACE_ROUNDS):  # subspace iteration from the components of everybody
        weighted_PK = weight_P[:, None] * np.asarray(centred_PS @ right_KS.T)
        right_KS = np.linalg.qr(np.asarray(centred_PS.T @ weighted_PK))[0].T
    places_PK = stretched_places(centred_PS, right_KS, votes_PS)
    return nearest(places_PK, moved_centres(places_PK, centres_of(places_PK, group_P, weight_P), weight_P))


def _stability(rand_R: Floats) -> Estimate:
    low, high = np.quantile(rand_R, (0.025, 0.975))
    return Estimate(float(rand_R.mean()), (float(low), float(high)), len(rand_R))


# ------------------------------------------------------------------ measures


@dataclass(frozen=True, slots=True)
class _Evidence:
    groups: list[Counts]
    drawn: _Drawn
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
