"""The same public drawn again and again: who would stand with whom, and what they would have voted.

Axes: P participants who are in, S statements, K components, G groups, R resamples.

A resample draws participants with replacement, finds the components of who was drawn and groups them anew, starting from
the groups of everybody; the number of groups stays. So the uncertainty of who stands with whom is part of every interval
that is made of resamples.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.metrics import adjusted_rand_score
from sklearn.metrics.cluster import contingency_matrix

from folkmoot.listen.components import centred, components, stretched_places
from folkmoot.listen.groups import Division
from folkmoot.listen.kmeans import centres_of, moved_centres, nearest
from folkmoot.listen.votes import Floats, Ints, Votes

_KINDS = np.array([2, 0, 1])  # where a vote's count lies: _KINDS[vote] is 0 for agree, 1 for disagree, 2 for pass
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
    kinds_SP = _by_kind(votes_PS)
    cast = np.empty((resamples, 3, statements, k))
    rand_R, stay_RG, together_RG = np.ones(resamples), np.ones((resamples, k)), np.ones((resamples, k))
    size_G = np.bincount(division.group_P, minlength=k)
    membership_PG = np.zeros((people, k))
    right_KS = components(centred(votes_PS, counted_S), division.components)[1] if k > 1 else np.empty((0, statements))
    everybody = np.arange(people)
    for r in range(resamples):
        weight_P = rng.multinomial(people, np.full(people, 1 / people)).astype(np.float64)
        group_P = division.group_P if k == 1 else _regroup(votes_PS, weight_P, division.group_P, right_KS, counted_S)
        weight_PG = np.zeros((people, k))
        weight_PG[everybody, group_P] = weight_P
        cast[r] = (kinds_SP @ weight_PG).reshape(3, statements, k)
        membership_PG[everybody, group_P] += 1
        if k > 1:
            stays_P = group_P == division.group_P
            stay_RG[r] = np.bincount(division.group_P, weights=stays_P, minlength=k) / size_G
            drawn = weight_P > 0
            rand_R[r] = adjusted_rand_score(division.group_P[drawn], group_P[drawn])
            together_RG[r] = _together(division.group_P[drawn], group_P[drawn], k)
    agree, disagree, _ = (cast[:, kind].transpose(0, 2, 1) for kind in range(3))
    seen = cast.sum(axis=1).transpose(0, 2, 1)
    return Resamples(agree, disagree, seen, rand_R, stay_RG, together_RG, membership_PG / resamples)


def _by_kind(votes_PS: Votes) -> Votes:
    """Return 1 for each vote, 3·S x P: first who agreed with each statement, then who disagreed, then who passed."""
    people, statements = votes_PS.shape
    row_V = _KINDS[votes_PS.data] * statements + votes_PS.indices
    person_V = np.repeat(np.arange(people), np.diff(votes_PS.indptr))
    return sparse.csr_array((np.ones(votes_PS.nnz), (row_V, person_V)), shape=(3 * statements, people))


def _regroup(votes_PS: Votes, weight_P: Floats, group_P: Ints, right_KS: Floats, counted_S: NDArray[np.bool_]) -> Ints:
    """Group who was drawn anew, from the components of who was drawn; the places of all others are found with them."""
    centred_PS = _centred_among(votes_PS, weight_P, counted_S)
    for _ in range(_MOST_ROUNDS):  # subspace iteration from the components of everybody
        before_KS = right_KS
        weighted_PK = weight_P[:, None] * np.asarray(centred_PS @ right_KS.T)
        right_KS = np.linalg.qr(np.asarray(centred_PS.T @ weighted_PK))[0].T
        if np.linalg.svd(right_KS @ before_KS.T, compute_uv=False).min() > _STILL:
            break
    places_PK = stretched_places(centred_PS, right_KS, votes_PS)
    centre_GK = centres_of(places_PK, group_P, weight_P)
    return nearest(places_PK, moved_centres(places_PK, centre_GK, weight_P, may_move=_MAY_STILL_MOVE))


def _centred_among(votes_PS: Votes, weight_P: Floats, counted_S: NDArray[np.bool_]) -> Votes:
    """Return the votes less the mean of their statement among who was drawn."""
    cells, weight_V = votes_PS.indices, np.repeat(weight_P, np.diff(votes_PS.indptr))
    seen_S, sum_S = (
        np.bincount(cells, weights=weights, minlength=votes_PS.shape[1])
        for weights in (weight_V, weight_V * votes_PS.data)
    )
    mean_S = sum_S / np.maximum(seen_S, 1)
    data_V = (votes_PS.data - mean_S[cells]) * (counted_S & (seen_S > 0))[cells]
    return sparse.csr_array((data_V, cells, votes_PS.indptr), shape=votes_PS.shape)


def _together(group_P: Ints, again_P: Ints, groups: int) -> Floats:
    """Return the share of each group's pairs that are together again, G-long; 1 for a group without a pair."""
    table = np.zeros((groups, groups))
    found, again = np.unique(group_P), np.unique(again_P)
    table[np.ix_(found, again)] = contingency_matrix(group_P, again_P)
    pairs_G = (table * (table - 1)).sum(axis=1)
    size_G = table.sum(axis=1)
    all_G = size_G * (size_G - 1)
    return np.where(all_G > 0, pairs_G / np.maximum(all_G, 1), 1.0)
