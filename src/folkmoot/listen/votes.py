"""Votes as a sparse matrix, and counts over it.

Axes: P participants, S statements, G groups. Votes are +1, 0, -1; a pass is a stored zero, unseen is not stored.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from folkmoot.listen.consultation import Consultation
from folkmoot.records import Tally

Votes = Any  # sparse.csr_array: scipy's classes carry no types
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_REFINEMENTS = 3


@dataclass(frozen=True, slots=True)
class Counts:
    """Tallies over some people: S-long or G x S arrays."""

    agree: Ints
    disagree: Ints
    seen: Ints


def vote_matrix(consultation: Consultation) -> Votes:
    """Return the current votes, P x S."""
    shape = (consultation.participants, len(consultation.statements))
    cells = (consultation.participant_V, consultation.statement_V)
    matrix = sparse.csr_array((consultation.vote_V.astype(np.int8), cells), shape=shape)  # keeps passes as stored zeros
    matrix.sort_indices()
    return matrix


def votes_cast(votes_PS: Votes) -> Ints:
    """Return how many statements each participant voted on, P-long."""
    cast_P: Ints = np.diff(votes_PS.indptr).astype(np.int64)
    return cast_P


def canonical(votes_PS: Votes) -> Votes:
    """Put people into `canonical_orders`."""
    return votes_PS[canonical_orders(votes_PS)[0]]


def canonical_orders(votes_PS: Votes, marks_S: NDArray[np.bool_] | None = None) -> tuple[Ints, Ints]:
    """Return an order of people and one of statements that hang on nothing but the votes.

    However rows and columns are numbered, the matrix put into these orders is the same: people and statements are told
    apart by colour refinement of the graph that the votes are (Weisfeiler and Leman 1968). Those it cannot tell apart have
    voted, or were voted on, alike.

    Args:
        marks_S: what else tells statements apart, such as whether they count.
    """
    marks_S = np.zeros(votes_PS.shape[1], dtype=bool) if marks_S is None else marks_S
    across = votes_PS.T.tocsr()
    colour_S = _mixed(marks_S.astype(np.uint64))
    colour_P = np.zeros(votes_PS.shape[0], dtype=np.uint64)
    for _ in range(_REFINEMENTS):
        colour_P = _mixed(colour_P + _sums_of_colours(votes_PS, colour_S))
        colour_S = _mixed(colour_S + _sums_of_colours(across, colour_P))
    return np.argsort(colour_P, kind="stable"), np.argsort(colour_S, kind="stable")


def _sums_of_colours(votes: Votes, colour: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return for each row the sum, modulo 2^64, of what it voted on, each mixed with the vote."""
    vote_V = (votes.data.astype(np.int64) + 2).astype(np.uint64)
    sums = np.zeros(votes.nnz + 1, dtype=np.uint64)
    np.cumsum(_mixed(colour[votes.indices] + vote_V), out=sums[1:])
    between: NDArray[np.uint64] = sums[votes.indptr[1:]] - sums[votes.indptr[:-1]]
    return between


def _mixed(value: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return values that look drawn at random, one for each (SplitMix64; Steele, Lea and Flood 2014)."""
    value = value + np.uint64(0x9E3779B97F4A7C15)
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


def where(votes_PS: Votes, vote: int | None = None) -> Votes:
    """Return 1 where a vote was cast, or where that vote was cast."""
    data = np.ones(votes_PS.nnz, np.int64) if vote is None else (votes_PS.data == vote).astype(np.int64)
    return sparse.csr_array((data, votes_PS.indices, votes_PS.indptr), shape=votes_PS.shape)


def count(votes_PS: Votes) -> Counts:
    """Count the votes on each statement."""
    agree, disagree, seen = (np.asarray(where(votes_PS, v).sum(axis=0), dtype=np.int64) for v in (1, -1, None))
    return Counts(agree, disagree, seen)


def count_by_group(votes_PS: Votes, group_P: Ints) -> list[Counts]:
    """Count the votes on each statement, group by group."""
    return [count(votes_PS[group_P == g]) for g in range(group_P.max() + 1)]


def means(votes_PS: Votes) -> Floats:
    """Return the mean vote on each statement, S-long; 0 where nobody voted."""
    seen_S = np.bincount(votes_PS.indices, minlength=votes_PS.shape[1])
    mean_S: Floats = np.bincount(votes_PS.indices, weights=votes_PS.data, minlength=votes_PS.shape[1]) / np.maximum(
        seen_S, 1
    )
    return mean_S


def counted_statements(consultation: Consultation) -> NDArray[np.bool_]:
    """Return which statements count, S-long: those neither moderated out nor about the consultation itself."""
    return np.array([s.moderated != -1 and not s.is_meta for s in consultation.statements], dtype=bool)


def group_aware_consensus(agree: Ints | Floats, seen: Ints | Floats) -> Floats:
    """Return the product over groups of (agree + 1) / (seen + 2); counts are … x G x S, the result … x S."""
    product: Floats = np.prod((agree + 1) / (seen + 2), axis=-2)
    return product


def tally(counts: Counts, s: int) -> Tally:
    """Return the counts of statement `s` as a record."""
    agree, disagree, seen = int(counts.agree[s]), int(counts.disagree[s]), int(counts.seen[s])
    return Tally(agree, disagree, seen - agree - disagree)
