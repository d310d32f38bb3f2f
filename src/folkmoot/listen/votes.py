"""Votes as a sparse matrix, and counts over it.

Axes: P participants, S statements, G groups. Votes are +1, 0, -1; a pass is a stored zero, unseen is not stored.
"""

import itertools
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
    """Order people by what they voted, so that neither file order nor ids can decide anything."""
    return votes_PS[canonical_order(votes_PS)] if votes_PS.shape[0] else votes_PS


def canonical_order(votes_PS: Votes) -> Ints:
    """Return the rows in the order in which `canonical` puts them."""
    edges = votes_PS.indptr
    statements, votes = votes_PS.indices.astype("<i4"), votes_PS.data.astype("<i1")
    keys = [(statements[a:b].tobytes(), votes[a:b].tobytes()) for a, b in itertools.pairwise(edges)]
    return np.array(sorted(range(len(keys)), key=keys.__getitem__), dtype=np.int64)


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
