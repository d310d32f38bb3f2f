"""From votes to opinion groups, and to what every group agrees on.

Axes: P participants who are in, S statements, G groups, R resamples. Votes are +1, 0, -1; unseen is not stored.

The method is that of Polis (compdemocracy/polis, math/src/polismath): principal components of the mean-filled votes,
projections stretched for people who saw little, k-means, group-aware consensus. Different on purpose: the result does
not depend on the order of rows or on participant ids, and k-means runs on the people themselves.
"""

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import svds
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from folkmoot.errors import FolkmootError
from folkmoot.listen.config import ListenConfig
from folkmoot.listen.consultation import Consultation
from folkmoot.records import Opinion, StatementOpinion, Tally
from folkmoot.seeds import derive, derive_seed

_SILHOUETTE_SAMPLE = 5_000
_DENSE_BELOW = 20
_MIN_PEOPLE_FOR_TWO = 20

Votes = Any  # sparse.csr_array: scipy's classes carry no types
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Counts:
    """Tallies over some people: S-long or G x S arrays."""

    agree: Ints
    disagree: Ints
    seen: Ints


def analyse(consultation: Consultation, config: ListenConfig | None = None, *, seed: int = 0) -> Opinion:
    """Return what the public thinks: groups, tallies, group-aware consensus, and the statements all groups agree on.

    In are participants with at least ``min(min_votes, S)`` votes. Overall tallies count everybody; tallies by group only
    who is in. Whether there are groups at all is decided by `find_groups`.

    A statement is agreed where the geometric mean over groups of (agree + 1) / (seen + 2) reaches `config.threshold`,
    every group has at least `config.min_seen` people who saw it, and it is neither moderated out nor about the
    consultation itself. `Opinion.threshold` is ``threshold ** G``: the same bar as a product, comparable with
    `StatementOpinion.group_aware_consensus`.

    The interval is a 95% percentile bootstrap over participants, within groups as they were found: that other people
    would have fallen into other groups is not in it, nor are views that nobody of a group expressed.

    Equal content gives the equal opinion, whatever the order of participants and whatever their ids were.

    Raises:
        FolkmootError: nobody cast enough votes to be in.
    """
    config = config or ListenConfig()
    votes_PS = _matrix(consultation)
    needed = min(config.min_votes, len(consultation.statements))
    in_PS = _canonical(votes_PS[_votes_cast(votes_PS) >= needed])
    if not in_PS.shape[0]:
        raise FolkmootError(
            f"nobody cast the {needed} votes from which a participant counts;"
            f" the most anybody cast is {int(_votes_cast(votes_PS).max(initial=0))}",
            where=consultation.name,
            do="wait until more people have voted",
        )
    counted_S = np.array([s.moderated != -1 and not s.is_meta for s in consultation.statements])
    with threadpool_limits(limits=1):  # sums in another order could move somebody on the border between groups
        group_P = find_groups(in_PS, counted_S, config, seed=seed)
        interval_2S = _interval(in_PS, group_P, config.resamples, derive(seed, "listen.bootstrap"))
    return _opinion(
        consultation,
        config,
        overall=_count(votes_PS),
        groups=_by_group(in_PS, group_P),
        group_P=group_P,
        interval_2S=interval_2S,
    )


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
    for k in range(2, min(config.max_groups, distinct - 1) + 1):
        found = KMeans(k, n_init=10, random_state=derive_seed(seed, "listen.kmeans", k) % 2**32).fit(scores_P2).labels_
        if np.bincount(found, minlength=k).min() < config.min_group:
            continue
        silhouette = _silhouette(scores_P2, found, derive_seed(seed, "listen.silhouette") % 2**32)
        if silhouette > best_silhouette:
            best, best_silhouette = found, silhouette
    return _largest_first(best)


def project(votes_PS: Votes, counted_S: NDArray[np.bool_]) -> Floats:
    """Return each participant's place on the first two principal components, P x 2.

    Unseen statements are filled with the column mean, which centring turns into 0, so the matrix stays sparse. The place
    is stretched by sqrt(S / votes cast), since who saw little lies near the centre for that reason alone (as in Polis).
    """
    centred_PS = _centred(votes_PS, counted_S)
    _, components_2S = _components(centred_PS, 2)
    cast_P = np.maximum(_votes_cast(votes_PS), 1)
    stretched: Floats = np.asarray(centred_PS @ components_2S.T) * np.sqrt(votes_PS.shape[1] / cast_P)[:, None]
    return stretched


# ------------------------------------------------------------------ the matrix of votes


def _matrix(consultation: Consultation) -> Votes:
    shape = (consultation.participants, len(consultation.statements))
    cells = (consultation.participant_V, consultation.statement_V)
    matrix = sparse.csr_array((consultation.vote_V.astype(np.int8), cells), shape=shape)  # keeps passes as stored zeros
    matrix.sort_indices()
    return matrix


def _votes_cast(votes_PS: Votes) -> Ints:
    cast_P: Ints = np.diff(votes_PS.indptr).astype(np.int64)
    return cast_P


def _canonical(votes_PS: Votes) -> Votes:
    """Order people by what they voted, so that neither file order nor ids can decide anything."""
    edges = votes_PS.indptr
    statements, votes = votes_PS.indices.astype("<i4"), votes_PS.data.astype("<i1")
    keys = [(statements[a:b].tobytes(), votes[a:b].tobytes()) for a, b in itertools.pairwise(edges)]
    return votes_PS[sorted(range(len(keys)), key=keys.__getitem__)] if keys else votes_PS


def _where(votes_PS: Votes, vote: int | None = None) -> Votes:
    """Return 1 where a vote was cast, or where that vote was cast."""
    data = np.ones(votes_PS.nnz, np.int64) if vote is None else (votes_PS.data == vote).astype(np.int64)
    return sparse.csr_array((data, votes_PS.indices, votes_PS.indptr), shape=votes_PS.shape)


def _count(votes_PS: Votes) -> _Counts:
    agree, disagree, seen = (np.asarray(_where(votes_PS, v).sum(axis=0), dtype=np.int64) for v in (1, -1, None))
    return _Counts(agree, disagree, seen)


def _by_group(votes_PS: Votes, group_P: Ints) -> list[_Counts]:
    return [_count(votes_PS[group_P == g]) for g in range(group_P.max() + 1)]


# ------------------------------------------------------------------ components and groups


def _centred(votes_PS: Votes, counted_S: NDArray[np.bool_]) -> Votes:
    seen_S = np.bincount(votes_PS.indices, minlength=votes_PS.shape[1])
    total_S = np.bincount(votes_PS.indices, weights=votes_PS.data, minlength=votes_PS.shape[1])
    mean_S = total_S / np.maximum(seen_S, 1)
    data = (votes_PS.data - mean_S[votes_PS.indices]) * counted_S[votes_PS.indices]
    return sparse.csr_array((data, votes_PS.indices, votes_PS.indptr), shape=votes_PS.shape)


def _components(centred_PS: Votes, count: int) -> tuple[Floats, Floats]:
    """Return the largest singular values and their components, count x S; zeros where the votes hold fewer."""
    values, components = np.zeros(count), np.zeros((count, centred_PS.shape[1]))
    if not np.any(centred_PS.data):
        return values, components
    if min(centred_PS.shape) < _DENSE_BELOW:
        _, found, right = np.linalg.svd(centred_PS.toarray(), full_matrices=False)
    else:
        start = np.ones(min(centred_PS.shape))  # ARPACK would draw one
        _, found, right = svds(centred_PS, k=count, v0=start)
        found, right = found[::-1], right[::-1]
    kept = min(count, len(found))
    values[:kept] = found[:kept]
    components[:kept] = right[:kept]
    signs = np.sign(components[np.arange(count), np.abs(components).argmax(axis=1)])
    return values, components * np.where(signs == 0, 1, signs)[:, None]


def _hangs_together(votes_PS: Votes, counted_S: NDArray[np.bool_], config: ListenConfig, seed: int) -> bool:
    """Whether the first component exceeds that of every copy of the votes shuffled within statements."""
    if not config.shuffles:
        return True
    centred_PS = _centred(votes_PS, counted_S)
    real = _components(centred_PS, 1)[0][0]
    rng = derive(seed, "listen.shuffle")
    by_statement = np.argsort(centred_PS.indices, kind="stable")
    for _ in range(config.shuffles):
        mixed = np.lexsort((rng.random(centred_PS.nnz), centred_PS.indices))
        data = np.empty_like(centred_PS.data)
        data[by_statement] = centred_PS.data[mixed]
        shuffled = sparse.csr_array((data, centred_PS.indices, centred_PS.indptr), shape=centred_PS.shape)
        if _components(shuffled, 1)[0][0] >= real:
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


# ------------------------------------------------------------------ consensus


def _interval(votes_PS: Votes, group_P: Ints, resamples: int, rng: np.random.Generator) -> Floats:
    """Return the 95% interval of the group-aware consensus of each statement, 2 x S."""
    consensus_RS = np.ones((resamples, votes_PS.shape[1]))
    for g in range(group_P.max() + 1):
        of_group = votes_PS[group_P == g]
        size = of_group.shape[0]
        weight_PR = rng.multinomial(size, np.full(size, 1 / size), size=resamples).T.astype(np.float64)
        agree_RS, seen_RS = ((_where(of_group, v).T @ weight_PR).T for v in (1, None))
        consensus_RS *= (agree_RS + 1) / (seen_RS + 2)
    interval: Floats = np.quantile(consensus_RS, (0.025, 0.975), axis=0)
    return interval


def _opinion(
    consultation: Consultation,
    config: ListenConfig,
    *,
    overall: _Counts,
    groups: list[_Counts],
    group_P: Ints,
    interval_2S: Floats,
) -> Opinion:
    consensus_S = np.prod([(g.agree + 1) / (g.seen + 2) for g in groups], axis=0)
    seen_by_all_S = np.min([g.seen for g in groups], axis=0) >= config.min_seen
    threshold = config.threshold ** len(groups)
    return Opinion(
        consultation=consultation.name,
        participants=consultation.participants,
        participants_in=len(group_P),
        votes=len(consultation.vote_V),
        threshold=threshold,
        group_sizes=tuple(int(size) for size in np.bincount(group_P)),
        statements=tuple(
            StatementOpinion(
                statement=statement,
                overall=_tally(overall, s),
                by_group=tuple(_tally(g, s) for g in groups),
                group_aware_consensus=float(consensus_S[s]),
                interval=(float(interval_2S[0, s]), float(interval_2S[1, s])),
                agreed=bool(
                    consensus_S[s] >= threshold
                    and seen_by_all_S[s]
                    and statement.moderated != -1
                    and not statement.is_meta
                ),
            )
            for s, statement in enumerate(consultation.statements)
        ),
        attribution=consultation.attribution,
        simulated=consultation.simulated,
        language=consultation.language,
    )


def _tally(counts: _Counts, s: int) -> Tally:
    agree, disagree, seen = int(counts.agree[s]), int(counts.disagree[s]), int(counts.seen[s])
    return Tally(agree, disagree, seen - agree - disagree)
