"""Opinion groups: whether there are any, how many, and who is in which.

Axes: P participants, S statements, K components, G groups.

Nothing here hangs on the order or the numbers of participants and statements, nor on the seed of a run: votes are put into
an order that they alone decide, and what has to be drawn is drawn from a seed of its own.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.metrics import pairwise_distances, silhouette_score
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from folkmoot.errors import FolkmootError
from folkmoot.listen.components import centred, components, stretched_places
from folkmoot.listen.config import ListenConfig
from folkmoot.listen.consultation import Consultation
from folkmoot.listen.kmeans import centres_up_to, moved_centres, nearest
from folkmoot.listen.votes import (
    Floats,
    Ints,
    Votes,
    canonical,
    canonical_orders,
    counted_statements,
    vote_matrix,
    votes_cast,
    where,
)
from folkmoot.seeds import derive

_MIN_PEOPLE_FOR_TWO = 20
_MOST_COMPONENTS = 8
_ENOUGH_PEOPLE = 20_000
"""People from whom it is decided whether there are groups and how many; of more, every n-th is asked."""
_ENOUGH_FOR_SILHOUETTE = 5_000
_STRONG = 0.7
"""Silhouette above which the structure is strong (Kaufman and Rousseeuw 1990, table 4)."""
_HELD_BACK = 0.1
_STRENGTHS = (2.0, 8.0, 32.0, 128.0)
"""Votes' worth of everybody's shares by which a group's shares are steadied; the best on votes held back is taken."""


@dataclass(frozen=True, slots=True)
class Division:
    """Who is in which group.

    Attributes:
        group_P: group of each participant, 0 being the largest.
        components: K, on which the groups were found; 0 where nothing exceeds chance or too few are in.
    """

    group_P: Ints
    components: int

    @property
    def groups(self) -> int:
        """G, at least 1."""
        return int(self.group_P.max(initial=0)) + 1


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


def find_groups(votes_PS: Votes, counted_S: NDArray[np.bool_], config: ListenConfig) -> Division:
    """Return the opinion groups.

    - The components that count are those beyond the first of every copy of the votes that is shuffled within statements
      (Horn's parallel analysis 1965). None: people's answers to different statements hang together by chance, and there
      is one group. k camps apart from each other need k − 1 components (Patterson, Price and Reich 2006).
    - On these, k-means for k = 2 … `max_groups`; of the divisions without a group smaller than `min_group` the one of
      largest silhouette (Rousseeuw 1987). One group where that is `min_silhouette` or less. K components divide people
      into at most 2^K groups, two sides to each, unless the silhouette shows a strong structure: a cloud without gaps has
      much the same silhouette however often it is cut.
    - One group, too, where the division does not predict votes held back better than no division (`_tells_votes`), and
      where fewer than 20 people (or twice `min_group`) are in.

    Statements not in `counted_S` do not shape the groups.
    """
    order_P, order_S = canonical_orders(votes_PS, counted_S)
    group_P = np.empty(votes_PS.shape[0], dtype=np.int64)
    with threadpool_limits(limits=1):  # sums in another order could move somebody on the border between groups
        divided = _divide(votes_PS[order_P][:, order_S], counted_S[order_S], config)
    group_P[order_P] = _largest_first(divided.group_P)
    return Division(group_P, divided.components)


def _divide(votes_PS: Votes, counted_S: NDArray[np.bool_], config: ListenConfig) -> Division:
    people = votes_PS.shape[0]
    one_P = np.zeros(people, dtype=np.int64)
    if people < max(_MIN_PEOPLE_FOR_TWO, 2 * config.min_group):
        return Division(one_P, 0)
    some_PS = _enough(votes_PS)
    count = _beyond_chance(some_PS, counted_S, config)
    if count == 0:
        return Division(one_P, 0)
    centre_GK = _best_centres(_places(some_PS, counted_S, count), config)
    if len(centre_GK) == 1 or not _tells_votes(some_PS, counted_S, count, len(centre_GK), config.masks):
        return Division(one_P, count)
    places_PK = _places(votes_PS, counted_S, count)
    return Division(nearest(places_PK, moved_centres(places_PK, centre_GK)), count)


def _enough(votes_PS: Votes, most: int = _ENOUGH_PEOPLE) -> Votes:
    """Return the votes of every n-th person, so that at most so many are left."""
    return votes_PS[:: -(-votes_PS.shape[0] // most)] if votes_PS.shape[0] > most else votes_PS


def _places(votes_PS: Votes, counted_S: NDArray[np.bool_], count: int) -> Floats:
    centred_PS = centred(votes_PS, counted_S)
    return stretched_places(centred_PS, components(centred_PS, count)[1], votes_PS)


def _beyond_chance(votes_PS: Votes, counted_S: NDArray[np.bool_], config: ListenConfig) -> int:
    """Return how many components exceed the first of every copy of the votes shuffled within statements."""
    if min(votes_PS.shape) < 2:
        return 0
    if not config.shuffles:
        return 2 if min(votes_PS.shape) > 2 else 1
    centred_PS = centred(votes_PS, counted_S)
    real_K = components(centred_PS, min(_MOST_COMPONENTS, *(size - 1 for size in votes_PS.shape)))[0]
    rng = derive(0, "listen.shuffle")
    by_statement = np.argsort(centred_PS.indices, kind="stable")
    columns = np.split(centred_PS.data[by_statement], np.cumsum(np.bincount(centred_PS.indices))[:-1])
    chance = 0.0
    for _ in range(config.shuffles):
        data = np.empty_like(centred_PS.data)
        data[by_statement] = np.concatenate([rng.permutation(column) for column in columns])
        shuffled = sparse.csr_array((data, centred_PS.indices, centred_PS.indptr), shape=centred_PS.shape)
        chance = max(chance, float(components(shuffled, 1)[0][0]))
        if chance >= real_K[0]:
            return 0
    return int((real_K > chance).sum())


def _best_centres(places_PK: Floats, config: ListenConfig) -> Floats:
    """Return the centres of the division of largest silhouette, or the one centre where none is large enough."""
    found = centres_up_to(places_PK, config.max_groups)
    step = -(-len(places_PK) // _ENOUGH_FOR_SILHOUETTE)
    distances = pairwise_distances(places_PK[::step])
    best, best_silhouette = found[0], config.min_silhouette
    for centre_GK in found[1:]:
        group_P = nearest(places_PK, centre_GK)
        if np.bincount(group_P, minlength=len(centre_GK)).min() < config.min_group:
            continue
        silhouette = float(silhouette_score(distances, group_P[::step], metric="precomputed"))
        enough = _STRONG if len(centre_GK) > 2 ** places_PK.shape[1] else config.min_silhouette
        if silhouette > max(best_silhouette, enough):
            best, best_silhouette = centre_GK, silhouette
    return best


def _tells_votes(votes_PS: Votes, counted_S: NDArray[np.bool_], count: int, groups: int, masks: int) -> bool:
    """Whether votes held back are told better by the shares of one's group than by those of everybody.

    A tenth of the votes is held back, `masks` times, and people are grouped by the rest. Compared is the mean log
    likelihood of agree, pass and disagree; better is a 95% interval over people above 0.
    """
    if not masks:
        return True
    rng = derive(0, "listen.masks")
    gain_TP = np.zeros((len(_STRENGTHS), votes_PS.shape[0]))
    for _ in range(masks):
        gain_TP += _gains(votes_PS, counted_S, rng.random(votes_PS.nnz) < _HELD_BACK, count, groups)
    gain_P = gain_TP[gain_TP.sum(axis=1).argmax()]
    return bool(gain_P.mean() > 1.96 * gain_P.std() / np.sqrt(len(gain_P)))


def _gains(
    votes_PS: Votes, counted_S: NDArray[np.bool_], hidden_V: NDArray[np.bool_], count: int, groups: int
) -> Floats:
    """Return how much better each person's hidden votes are told, in nats, by strength; strengths x P."""
    people = votes_PS.shape[0]
    person_V, statement_V = np.repeat(np.arange(people), np.diff(votes_PS.indptr)), votes_PS.indices
    rest_PS = sparse.csr_array(
        (votes_PS.data[~hidden_V], (person_V[~hidden_V], statement_V[~hidden_V])), shape=votes_PS.shape
    )
    places_PK = _places(rest_PS, counted_S, count)
    centres = centres_up_to(places_PK, groups)
    if len(centres) < groups:
        return np.zeros((len(_STRENGTHS), people))
    group_P = nearest(places_PK, centres[-1])
    member_GP = sparse.csr_array((np.ones(people), (group_P, np.arange(people))), shape=(groups, people))
    kinds = [where(rest_PS, vote) for vote in (-1, 0, 1)]
    cast_CGS = np.stack([(member_GP @ kind).toarray() for kind in kinds])
    all_CS = cast_CGS.sum(axis=1) + 1
    share_CS = all_CS / all_CS.sum(axis=0)
    told_V = hidden_V & counted_S[statement_V]
    p, s, vote = person_V[told_V], statement_V[told_V], votes_PS.data[told_V].astype(np.int64) + 1
    gains = np.empty((len(_STRENGTHS), people))
    for t, strength in enumerate(_STRENGTHS):
        of_group = cast_CGS[vote, group_P[p], s] + strength * share_CS[vote, s]
        likelihood = of_group / (cast_CGS[:, group_P[p], s].sum(axis=0) + strength)
        gains[t] = np.bincount(p, weights=np.log(likelihood / share_CS[vote, s]), minlength=people)
    return gains


def _largest_first(group_P: Ints) -> Ints:
    """Number groups by size; of equal sizes, the one with the first person in canonical order comes first."""
    sizes = np.bincount(group_P)
    first = [int(np.argmax(group_P == g)) for g in range(len(sizes))]
    order = sorted(range(len(sizes)), key=lambda g: (-sizes[g], first[g]))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return rank[group_P]
