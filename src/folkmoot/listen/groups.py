"""Opinion groups: whether there are any, how many, and who is in which.

Axes: P participants, S statements.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score

from folkmoot.errors import FolkmootError
from folkmoot.listen.components import centred, components, project
from folkmoot.listen.config import ListenConfig
from folkmoot.listen.consultation import Consultation
from folkmoot.listen.votes import Floats, Ints, Votes, canonical, counted_statements, vote_matrix, votes_cast
from folkmoot.seeds import derive, derive_seed

_SILHOUETTE_SAMPLE = 5_000
_MIN_PEOPLE_FOR_TWO = 20


def grouped_votes(consultation: Consultation, config: ListenConfig) -> tuple[Votes, NDArray[np.bool_]]:
    """Return the votes of who is in, in canonical order, and which statements shape the groups.

    In are participants with at least ``min(min_votes, S)`` votes; moderated-out and meta statements shape nothing.

    Raises:
        FolkmootError: nobody cast enough votes to be in.
    """
    votes_PS = vote_matrix(consultation)
    needed = min(config.min_votes, len(consultation.statements))
    in_PS = canonical(votes_PS[votes_cast(votes_PS) >= needed])
    if not in_PS.shape[0]:
        raise FolkmootError(
            f"nobody cast the {needed} votes from which a participant counts;"
            f" the most anybody cast is {int(votes_cast(votes_PS).max(initial=0))}",
            where=consultation.name,
            do="wait until more people have voted",
        )
    return in_PS, counted_statements(consultation)


def find_groups(votes_PS: Votes, counted_S: NDArray[np.bool_], config: ListenConfig, *, seed: int) -> Ints:
    """Return each participant's group, 0 being the largest.

    k-means for k = 2 … `max_groups` on two principal components; of the divisions without a group smaller than
    `min_group` the one of largest silhouette. There is one group where

    - fewer than 20 people (or twice `min_group`) are in,
    - the first component explains no more than it does in every copy of the votes that is shuffled within statements
      (Horn's parallel analysis 1965: then people's answers to different statements hang together by chance), or
    - the largest silhouette is `min_silhouette` or less.

    Statements not in `counted_S` do not shape the groups. Rows must be in canonical order.
    """
    people = votes_PS.shape[0]
    one = np.zeros(people, dtype=np.int64)
    if people < max(_MIN_PEOPLE_FOR_TWO, 2 * config.min_group) or not _hangs_together(
        votes_PS, counted_S, config, seed
    ):
        return one
    scores_P2 = project(votes_PS, counted_S)
    distinct = len(np.unique(scores_P2, axis=0))
    best, best_silhouette = one, config.min_silhouette
    for k in range(2, min(config.max_groups, distinct) + 1):
        found = KMeans(k, n_init=10, random_state=derive_seed(seed, "listen.kmeans", k) % 2**32).fit(scores_P2).labels_
        if np.bincount(found, minlength=k).min() < config.min_group:
            continue
        silhouette = _silhouette(scores_P2, found, derive_seed(seed, "listen.silhouette") % 2**32)
        if silhouette > best_silhouette:
            best, best_silhouette = found, silhouette
    return _largest_first(best)


def _hangs_together(votes_PS: Votes, counted_S: NDArray[np.bool_], config: ListenConfig, seed: int) -> bool:
    """Whether the first component exceeds that of every copy of the votes shuffled within statements."""
    if not config.shuffles:
        return True
    centred_PS = centred(votes_PS, counted_S)
    real = components(centred_PS, 1)[0][0]
    rng = derive(seed, "listen.shuffle")
    by_statement = np.argsort(centred_PS.indices, kind="stable")
    for _ in range(config.shuffles):
        mixed = np.lexsort((rng.random(centred_PS.nnz), centred_PS.indices))
        data = np.empty_like(centred_PS.data)
        data[by_statement] = centred_PS.data[mixed]
        shuffled = sparse.csr_array((data, centred_PS.indices, centred_PS.indptr), shape=centred_PS.shape)
        if components(shuffled, 1)[0][0] >= real:
            return False
    return True


def _silhouette(scores_P2: Floats, group_P: Ints, seed: int) -> float:
    sample = _SILHOUETTE_SAMPLE if len(scores_P2) > _SILHOUETTE_SAMPLE else None
    return float(silhouette_score(scores_P2, group_P, sample_size=sample, random_state=seed))


def _largest_first(group_P: Ints) -> Ints:
    """Number groups by size; of equal sizes, the one with the first person in canonical order comes first."""
    sizes = np.bincount(group_P)
    first = [int(np.argmax(group_P == g)) for g in range(len(sizes))]
    order = sorted(range(len(sizes)), key=lambda g: (-sizes[g], first[g]))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return rank[group_P]
