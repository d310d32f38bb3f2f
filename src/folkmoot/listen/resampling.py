"""The same public drawn again and again: who would stand with whom, and what they would have voted.

Axes: P participants who are in, S statements, K components, G groups, R resamples, C = 3·S: agreeing with each statement,
then disagreeing, then passing.

A resample draws participants with replacement, finds the components of who was drawn and groups them anew, starting from
the groups of everybody; the number of groups stays. So the uncertainty of who stands with whom is part of every interval
that is made of resamples.

What centring makes of a vote hangs on the statement and on the vote alone, so that one matrix of ones, P x C, serves every
resample: nothing of the size of the votes is made anew.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from folkmoot.listen.components import centred, components
from folkmoot.listen.groups import Division
from folkmoot.listen.kmeans import centres_of, moved_centres, nearest
from folkmoot.listen.votes import Floats, Ints, Votes, votes_cast

_KINDS = np.array([2, 0, 1], dtype=np.int32)  # _KINDS[vote] is 0 for agree, 1 for disagree, 2 for pass
_VOTES = np.array([1.0, -1.0, 0.0])
_MOST_ROUNDS = 5
_STILL = 1 - 5e-5
"""Cosine from which components that moved less count as found: an angle of a hundredth."""
_MAY_STILL_MOVE = 1e-3
"""Share of people who may still change groups when k-means of a resample ends."""


@dataclass(frozen=True, slots=True)
class Resamples:
    """What R resamples say.

    Attributes:
        agree, disagree, seen: counts, each R x G x S.
        rand_R: adjusted Rand index between the groups of everybody and of the resample, on who was drawn.
        together_RG: of all pairs of a group, the share that stands together in the resample; on who was drawn.
        stay_RG: share of a group's people, drawn or not, who are nearest to its centre in the resample.
        membership_PG: share of resamples in which a participant, drawn or not, is nearest to each group.
    """

    agree: Floats
    disagree: Floats
    seen: Floats
    rand_R: Floats
    stay_RG: Floats
    together_RG: Floats
    membership_PG: Floats


def resample(
    votes_PS: Votes, division: Division, counted_S: NDArray[np.bool_], resamples: int, rng: np.random.Generator
) -> Resamples:
    """Draw the participants again, `resamples` times.

    Args:
        votes_PS: sparse, +1, 0 (a stored pass), -1.
        division: the groups of everybody.
        counted_S: which statements shape the groups.
    """
    people, statements = votes_PS.shape
    k = division.groups
    kinds_PC = _by_kind(votes_PS)
    stretch_P = np.sqrt(statements / np.maximum(votes_cast(votes_PS), 1))
    cast = np.empty((resamples, 3, statements, k))
    rand_R, stay_RG, together_RG = np.ones(resamples), np.ones((resamples, k)), np.ones((resamples, k))
    size_G = np.bincount(division.group_P, minlength=k)
    membership_PG = np.zeros((people, k))
    right_KS = components(centred(votes_PS, counted_S), division.components)[1] if k > 1 else np.empty((0, statements))
    everybody = np.arange(people)
    for r in range(resamples):
        weight_P = rng.multinomial(people, np.full(people, 1 / people)).astype(np.float64)
        group_P = division.group_P
        if k > 1:
            places_PK = _places_among(kinds_PC, weight_P, right_KS, counted_S) * stretch_P[:, None]
            centre_GK = centres_of(places_PK, group_P, weight_P)
            group_P = nearest(places_PK, moved_centres(places_PK, centre_GK, weight_P, may_move=_MAY_STILL_MOVE))
            table_GG = _table(division.group_P, group_P, k)
            stay_RG[r] = np.diag(table_GG) / size_G
            drawn = weight_P > 0
            table_GG = _table(division.group_P[drawn], group_P[drawn], k)
            rand_R[r], together_RG[r] = _rand(table_GG), _together(table_GG)
        weight_PG = np.zeros((people, k))
        weight_PG[everybody, group_P] = weight_P
        cast[r] = (kinds_PC.T @ weight_PG).reshape(3, statements, k)
        membership_PG[everybody, group_P] += 1
    agree, disagree, _ = (cast[:, kind].transpose(0, 2, 1) for kind in range(3))
    seen = cast.sum(axis=1).transpose(0, 2, 1)
    return Resamples(agree, disagree, seen, rand_R, stay_RG, together_RG, membership_PG / resamples)


def _by_kind(votes_PS: Votes) -> Votes:
    """Return 1 for each vote, P x C."""
    people, statements = votes_PS.shape
    column_V = _KINDS[votes_PS.data] * np.int32(statements) + votes_PS.indices
    return sparse.csr_array((np.ones(votes_PS.nnz), column_V, votes_PS.indptr), shape=(people, 3 * statements))


def _places_among(kinds_PC: Votes, weight_P: Floats, right_KS: Floats, counted_S: NDArray[np.bool_]) -> Floats:
    """Return everybody's places, P x K, on the components of who was drawn, before they are stretched.

    Found by subspace iteration from `right_KS`, the components of everybody.
    """
    count, statements = right_KS.shape
    cast_C = np.asarray(kinds_PC.T @ weight_P)
    agree_S, disagree_S, pass_S = cast_C.reshape(3, statements)
    seen_S = agree_S + disagree_S + pass_S
    mean_S = (agree_S - disagree_S) / np.maximum(seen_S, 1)
    centred_C1 = np.where(counted_S & (seen_S > 0), _VOTES[:, None] - mean_S, 0).reshape(-1, 1)
    for _ in range(_MOST_ROUNDS):
        before_KS = right_KS
        weighted_PK = weight_P[:, None] * np.asarray(kinds_PC @ (centred_C1 * np.tile(right_KS.T, (3, 1))))
        moved_CK = centred_C1 * np.asarray(kinds_PC.T @ weighted_PK)
        right_KS = np.linalg.qr(moved_CK.reshape(3, statements, count).sum(axis=0))[0].T
        if np.linalg.svd(right_KS @ before_KS.T, compute_uv=False).min() > _STILL:
            break
    return np.asarray(kinds_PC @ (centred_C1 * np.tile(right_KS.T, (3, 1))))


def _table(group_P: Ints, again_P: Ints, groups: int) -> Floats:
    """Return how many people of each group are in each group of the resample, G x G."""
    return np.bincount(group_P * groups + again_P, minlength=groups**2).reshape(groups, groups).astype(np.float64)


def _rand(table_GG: Floats) -> float:
    """Return the adjusted Rand index (Hubert and Arabie 1985, eq. 5); 1 where both divisions are one group."""
    both, ours, theirs, pairs = (
        float((size * (size - 1)).sum())
        for size in (table_GG, table_GG.sum(axis=1), table_GG.sum(axis=0), table_GG.sum())
    )
    expected = ours * theirs / max(pairs, 1)
    most = (ours + theirs) / 2
    return (both - expected) / (most - expected) if most > expected else 1.0


def _together(table_GG: Floats) -> Floats:
    """Return the share of each group's pairs that are together again, G-long; 1 for a group without a pair."""
    pairs_G = (table_GG * (table_GG - 1)).sum(axis=1)
    size_G = table_GG.sum(axis=1)
    all_G = size_G * (size_G - 1)
    return np.where(all_G > 0, pairs_G / np.maximum(all_G, 1), 1.0)
