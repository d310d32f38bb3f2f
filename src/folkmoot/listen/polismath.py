"""Polis's mathematics as its server computes it, for whoever needs the same figures (compdemocracy/polis, math/src/polismath).

Axes: P participants, S statements, G opinion groups. Everything up to the groups' figures is exact; the groups themselves
are as close as they can be, since Polis carries them from tick to tick and restarts them with the server.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score

from folkmoot.listen.components import centred, components, stretched_places
from folkmoot.listen.consultation import Consultation
from folkmoot.listen.votes import (
    Counts,
    Floats,
    Ints,
    Votes,
    count,
    count_by_group,
    counted_statements,
    group_aware_consensus,
    means,
    vote_matrix,
    votes_cast,
)

IN_FROM_VOTES = 7
"""Votes from which a participant is in (all statements, while there are fewer)."""
TOP_UP_TO = 15
"""While fewer people are in, the most active of the others are added; who is in stays in."""
SIGNIFICANT_Z = 1.2816
BASE_CLUSTERS = 100
_ITERATIONS = 100
_DECIMALS = 9  # places that differ by less differ by rounding
_KEPT = 5


@dataclass(frozen=True, slots=True)
class Representativeness:
    """How much each statement speaks for each group, against all other groups; arrays are G x S.

    Attributes:
        agree, disagree, seen: counts within the group.
        p_agree, p_disagree: (count + 1) / (seen + 2).
        z_agree, z_disagree: one-proportion test against one half.
        r_agree, r_disagree: p within the group / p among everybody else.
        rz_agree, rz_disagree: two-proportion test of the group against everybody else.
    """

    agree: Ints
    disagree: Ints
    seen: Ints
    p_agree: Floats
    p_disagree: Floats
    z_agree: Floats
    z_disagree: Floats
    r_agree: Floats
    r_disagree: Floats
    rz_agree: Floats
    rz_disagree: Floats


@dataclass(frozen=True, slots=True)
class RepresentativeStatement:
    """A statement that speaks for a group, by agreeing with it or by rejecting it.

    Attributes:
        statement: position on the axis S.
        best_agree: put first because the group agrees with it, whether or not it passes the tests.
    """

    statement: int
    repful_for: Literal["agree", "disagree"]
    successes: int
    trials: int
    p_success: float
    p_test: float
    repness: float
    repness_test: float
    best_agree: bool = False

    @property
    def metric(self) -> float:
        """What statements that pass are ranked by."""
        return self.repness * self.repness_test * self.p_success * self.p_test


@dataclass(frozen=True, slots=True)
class MajorityStatement:
    """A statement that most participants agree (or disagree) with; `statement` is the position on the axis S."""

    statement: int
    successes: int
    trials: int
    p_success: float
    p_test: float


@dataclass(frozen=True, slots=True)
class PolisMath:
    """What Polis shows of a conversation.

    Attributes:
        in_P: who is in the conversation.
        group_P: group of each participant, -1 for who is not in.
        consensus_S: group-aware consensus.
        representative: statements of each group, as Polis lists them.
        majority_agree, majority_disagree: at most five statements each.
    """

    in_P: NDArray[np.bool_]
    group_P: Ints
    mean_S: Floats
    components_2S: Floats
    votes_by_group: tuple[Counts, ...]
    consensus_S: Floats
    representative: tuple[tuple[RepresentativeStatement, ...], ...]
    majority_agree: tuple[MajorityStatement, ...]
    majority_disagree: tuple[MajorityStatement, ...]


def analyse_as_polis(consultation: Consultation) -> PolisMath:
    """Return what Polis would show of a consultation; participants as they are numbered there.

    Where the source says when votes were cast, they are played back to find who is in; where it does not, who is in has
    `IN_FROM_VOTES` votes or is among the `TOP_UP_TO` most active. A vote that replaced another counts from when it did.
    """
    votes_PS = vote_matrix(consultation)
    time_V = consultation.time_V
    if time_V is None:
        arrival_P = np.arange(votes_PS.shape[0])
        cast_P = votes_cast(votes_PS)
        in_P = cast_P >= min(IN_FROM_VOTES, votes_PS.shape[1])
        if in_P.sum() < TOP_UP_TO:
            in_P[np.argsort(-cast_P, kind="stable")[:TOP_UP_TO]] = True
    else:
        people = consultation.participant_V
        first_P = np.full(votes_PS.shape[0], np.inf)
        np.minimum.at(first_P, people, time_V)
        arrival_P = np.argsort(first_P, kind="stable")
        in_P = in_conversation(people, consultation.statement_V, time_V, votes_PS.shape[0])
    found = compute(votes_PS[arrival_P], in_P[arrival_P], counted_statements(consultation))
    group_P = np.empty_like(found.group_P)
    group_P[arrival_P] = found.group_P
    return dataclasses.replace(found, in_P=in_P, group_P=group_P)


def compute(votes_PS: Votes, in_P: NDArray[np.bool_], counted_S: NDArray[np.bool_]) -> PolisMath:
    """Compute everything that Polis shows.

    Args:
        votes_PS: current votes of all participants, in the order in which they first voted.
        in_P: who is in the conversation (`in_conversation`); somebody is.
        counted_S: statements that are not moderated out; votes on the others count as 0 in the components.
    """
    mean_S, components_2S = principal_components(votes_PS, counted_S)
    places_P2 = stretched_places(centred(votes_PS, counted_S), components_2S, votes_PS)
    group_P = np.full(votes_PS.shape[0], -1, dtype=np.int64)
    group_P[in_P] = opinion_groups(places_P2[in_P])
    groups = tuple(count_by_group(votes_PS[in_P], group_P[in_P]))
    stats = representativeness(groups)
    agree, disagree = majority_statements(count(votes_PS), counted_S)
    return PolisMath(
        in_P,
        group_P,
        mean_S,
        components_2S,
        groups,
        group_aware_consensus(stats.agree, stats.seen),
        tuple(representative_statements(stats, g, counted_S) for g in range(len(groups))),
        agree,
        disagree,
    )


def in_conversation(
    participant_V: NDArray[np.integer],
    statement_V: NDArray[np.integer],
    time_V: NDArray[np.floating],
    participants: int,
) -> NDArray[np.bool_]:
    """Return who is in, by playing the votes back in the order of time (conversation.clj, `in-conv`).

    Whoever votes comes in with `IN_FROM_VOTES` votes, or while fewer than `TOP_UP_TO` people are in; nobody leaves. (Polis
    looks at its people once a tick, not once a vote, and tops up with the most active; played vote by vote that is whoever
    just voted.)

    Args:
        participant_V, statement_V, time_V: the log of votes; a vote changed later may stand in it more than once.
        participants: P.
    """
    cast_P = np.zeros(participants, dtype=np.int64)
    in_P = np.zeros(participants, dtype=bool)
    inside = 0
    statements: set[int] = set()
    voted: set[tuple[int, int]] = set()
    for at in np.argsort(time_V, kind="stable"):
        person, statement = int(participant_V[at]), int(statement_V[at])
        statements.add(statement)
        if (person, statement) not in voted:
            voted.add((person, statement))
            cast_P[person] += 1
        if not in_P[person] and (cast_P[person] >= min(IN_FROM_VOTES, len(statements)) or inside < TOP_UP_TO):
            in_P[person] = True
            inside += 1
    return in_P


def principal_components(votes_PS: Votes, counted_S: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Return the means (S) and the two components (2 x S) over all participants, moderated-out statements zeroed."""
    return means(votes_PS) * counted_S, components(centred(votes_PS, counted_S), 2)[1]


def opinion_groups(places_P2: Floats) -> Ints:
    """Return the group of each participant: k-means on base clusters, weighted by their size (clusters.clj).

    At most 100 base clusters start from the first distinct places; k runs from 2 to 2 + (base clusters) // 12, at most 5,
    and the largest silhouette over base clusters wins.
    """
    base_P = _k_means(places_P2, BASE_CLUSTERS)
    size_B = np.bincount(base_P)
    centre_B2 = np.stack([np.bincount(base_P, weights=places_P2[:, axis]) for axis in (0, 1)], axis=1) / size_B[:, None]
    best, best_silhouette = np.zeros(len(size_B), dtype=np.int64), -np.inf
    for k in range(2, min(5, 2 + len(size_B) // 12) + 1):
        if len(size_B) <= k:
            break
        found = _k_means(centre_B2, k, weights=size_B)
        silhouette = silhouette_score(centre_B2, found) if found.max() > 0 else -np.inf
        if silhouette > best_silhouette:
            best, best_silhouette = found, silhouette
    group_P: Ints = best[base_P]
    return group_P


def _k_means(rows: Floats, k: int, weights: Ints | None = None) -> Ints:
    """Return labels from Lloyd's algorithm that starts at the first k distinct rows; labels without a member are closed up."""
    _, first = np.unique(rows.round(_DECIMALS), axis=0, return_index=True)
    start = rows[np.sort(first)[:k]]
    found = KMeans(len(start), init=start, n_init=1, max_iter=_ITERATIONS, random_state=0).fit(
        rows, sample_weight=weights
    )
    labels: Ints = np.unique(found.labels_, return_inverse=True)[1].astype(np.int64)
    return labels


def representativeness(groups: Sequence[Counts]) -> Representativeness:
    """Return the statistics of every group and statement (repness.clj)."""
    agree, disagree, seen = (np.array([getattr(g, name) for g in groups]) for name in ("agree", "disagree", "seen"))
    agree_rest, disagree_rest, seen_rest = (counts.sum(axis=0) - counts for counts in (agree, disagree, seen))
    p_agree, p_disagree = _p(agree, seen), _p(disagree, seen)
    return Representativeness(
        agree,
        disagree,
        seen,
        p_agree,
        p_disagree,
        _proportion_z(agree, seen),
        _proportion_z(disagree, seen),
        p_agree / _p(agree_rest, seen_rest),
        p_disagree / _p(disagree_rest, seen_rest),
        _two_proportions_z(agree, agree_rest, seen, seen_rest),
        _two_proportions_z(disagree, disagree_rest, seen, seen_rest),
    )


def representative_statements(
    stats: Representativeness, group: int, counted_S: NDArray[np.bool_]
) -> tuple[RepresentativeStatement, ...]:
    """Return the at most five statements that Polis shows for a group, agreed ones before rejected ones.

    Those that pass both tests at z > 1.2816, by their metric, behind the best agreed one. Where none passes: the best
    agreed one alone or, where there is none either, the one of largest two-proportion z.
    """
    shown = [_shown(stats, group, s) for s in range(stats.seen.shape[1])]
    passing = [shown[s] for s in np.flatnonzero(counted_S) if _passes(stats, group, int(s))]
    best_agreed = _best_agreed(stats, group, counted_S)
    head = [] if best_agreed is None else [_shown(stats, group, best_agreed, best_agree=True)]
    if not passing:
        return tuple(head or _largest_test(shown, stats, group, counted_S))
    others = sorted((s for s in passing if s.statement != best_agreed), key=lambda s: -s.metric)
    kept = (head + others)[:_KEPT]
    return tuple(sorted(kept, key=lambda s: s.repful_for != "agree"))


def majority_statements(
    overall: Counts, counted_S: NDArray[np.bool_]
) -> tuple[tuple[MajorityStatement, ...], tuple[MajorityStatement, ...]]:
    """Return the statements most people agree with and those most disagree with: p > ½, z > 1.2816, top five by p · z."""

    def top(count_S: Ints) -> tuple[MajorityStatement, ...]:
        p_S, z_S = _p(count_S, overall.seen), _proportion_z(count_S, overall.seen)
        fit = np.flatnonzero(counted_S & (p_S > 0.5) & (z_S > SIGNIFICANT_Z))
        best = sorted(fit, key=lambda s: -p_S[s] * z_S[s])[:_KEPT]
        return tuple(
            MajorityStatement(int(s), int(count_S[s]), int(overall.seen[s]), float(p_S[s]), float(z_S[s])) for s in best
        )

    return top(overall.agree), top(overall.disagree)


# ------------------------------------------------------------------ statistics, as in stats.clj


def _p(successes: Ints, trials: Ints) -> Floats:
    p: Floats = (successes + 1) / (trials + 2)
    return p


def _proportion_z(successes: Ints, trials: Ints) -> Floats:
    z: Floats = 2 * np.sqrt(trials + 1) * ((successes + 1) / (trials + 1) - 0.5)
    return z


def _two_proportions_z(successes: Ints, others: Ints, trials: Ints, of_others: Ints) -> Floats:
    s_in, s_out, n_in, n_out = successes + 1, others + 1, trials + 1, of_others + 1
    pooled = (s_in + s_out) / (n_in + n_out)
    variance = pooled * (1 - pooled) * (1 / n_in + 1 / n_out)
    with np.errstate(divide="ignore", invalid="ignore"):
        z: Floats = np.where(pooled == 1, 0.0, (s_in / n_in - s_out / n_out) / np.sqrt(variance))
    return z


# ------------------------------------------------------------------ which statements are shown


def _shown(stats: Representativeness, g: int, s: int, *, best_agree: bool = False) -> RepresentativeStatement:
    side: Literal["agree", "disagree"] = "agree" if stats.rz_agree[g, s] > stats.rz_disagree[g, s] else "disagree"
    return RepresentativeStatement(
        statement=int(s),
        repful_for=side,
        successes=int(getattr(stats, side)[g, s]),
        trials=int(stats.seen[g, s]),
        p_success=float(getattr(stats, f"p_{side}")[g, s]),
        p_test=float(getattr(stats, f"z_{side}")[g, s]),
        repness=float(getattr(stats, f"r_{side}")[g, s]),
        repness_test=float(getattr(stats, f"rz_{side}")[g, s]),
        best_agree=best_agree,
    )


def _passes(stats: Representativeness, g: int, s: int) -> bool:
    return bool(
        min(stats.rz_agree[g, s], stats.z_agree[g, s]) > SIGNIFICANT_Z
        or min(stats.rz_disagree[g, s], stats.z_disagree[g, s]) > SIGNIFICANT_Z
    )


def _best_agreed(stats: Representativeness, g: int, counted_S: NDArray[np.bool_]) -> int | None:
    """Return the statement that best shows what the group agrees with; earlier statements win ties."""
    p, z, r = stats.p_agree[g], stats.z_agree[g], stats.r_agree[g]
    metric = r * stats.rz_agree[g] * p * z
    best: int | None = None
    for s in np.flatnonzero(counted_S & (stats.agree[g] + stats.disagree[g] > 0)):
        if best is None:
            better = z[s] > SIGNIFICANT_Z or (r[s] > 1 and p[s] > 0.5)
        elif r[best] > 1:
            better = metric[s] > metric[best]
        else:
            better = p[s] * z[s] > p[best] * z[best]
        if better:
            best = int(s)
    return best


def _largest_test(
    shown: Sequence[RepresentativeStatement], stats: Representativeness, g: int, counted_S: NDArray[np.bool_]
) -> list[RepresentativeStatement]:
    candidates = np.flatnonzero(counted_S)
    if not len(candidates):
        return []
    larger_S = np.maximum(stats.rz_agree[g], stats.rz_disagree[g])
    return [shown[int(candidates[np.argmax(larger_S[candidates])])]]
