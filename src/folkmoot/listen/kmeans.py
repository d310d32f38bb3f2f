"""k-means without a draw: the same division for the same places, whatever the seed.

Axes: P people, K components, G groups.

Centres are added one at a time where one more helps most, as in the fast global k-means algorithm (Likas, Vlassis and
Verbeek 2003, "The global k-means clustering algorithm", section 3.2), of which the three best candidates are tried.
"""

import numpy as np

from folkmoot.listen.votes import Floats, Ints

_CANDIDATES = 200
_TRIED = 3
_ROUNDS = 100
_CHUNK = 1_000_000


def centres_up_to(places_PK: Floats, most: int) -> list[Floats]:
    """Return the centres of 1, 2 … `most` groups, G x K each; fewer where there are fewer different places.

    People must stand in an order that hangs on nothing but their votes, since every n-th is a candidate for a centre.
    """
    people = len(places_PK)
    candidate_C = places_PK[np.unique(np.linspace(0, people - 1, min(people, _CANDIDATES)).astype(np.int64))]
    found = [places_PK.mean(axis=0, keepdims=True)]
    while len(found) < most:
        nearest_P = _distances(places_PK, found[-1]).min(axis=1)
        gain_C = np.zeros(len(candidate_C))
        for c, candidate in enumerate(candidate_C):
            gain_C[c] = np.maximum(nearest_P - _distances(places_PK, candidate[None])[:, 0], 0).sum()
        if not gain_C.max() > 0:
            break
        tried = [
            moved_centres(places_PK, np.vstack([found[-1], candidate_C[c]]))
            for c in np.argsort(-gain_C, kind="stable")[:_TRIED]
        ]
        found.append(min(tried, key=lambda centre_GK: float(_distances(places_PK, centre_GK).min(axis=1).sum())))
    return found


def moved_centres(
    places_PK: Floats, centre_GK: Floats, weight_P: Floats | None = None, *, may_move: float = 0.0
) -> Floats:
    """Return where centres come to rest (Lloyd 1982); one that nobody is nearest to stays where it is.

    Args:
        weight_P: how often each person counts.
        may_move: share of people who may still change groups when it ends.
    """
    group_P = nearest(places_PK, centre_GK)
    for _ in range(_ROUNDS):
        centre_GK = _means(places_PK, group_P, centre_GK, weight_P)
        next_P = nearest(places_PK, centre_GK)
        if np.count_nonzero(next_P != group_P) <= may_move * len(group_P):
            break
        group_P = next_P
    return centre_GK


def centres_of(places_PK: Floats, group_P: Ints, weight_P: Floats | None = None) -> Floats:
    """Return the mean place of each group, G x K."""
    return _means(places_PK, group_P, np.zeros((int(group_P.max()) + 1, places_PK.shape[1])), weight_P)


def nearest(places_PK: Floats, centre_GK: Floats) -> Ints:
    """Return the group of the nearest centre, P-long; of equally near ones the first."""
    size = max(1, _CHUNK // centre_GK.size)
    parts = [_distances(places_PK[a : a + size], centre_GK).argmin(axis=1) for a in range(0, len(places_PK), size)]
    group_P: Ints = np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)
    return group_P


def _means(places_PK: Floats, group_P: Ints, before_GK: Floats, weight_P: Floats | None) -> Floats:
    groups = len(before_GK)
    size_G = np.bincount(group_P, weights=weight_P, minlength=groups)
    sums = [
        np.bincount(group_P, weights=place_P if weight_P is None else weight_P * place_P, minlength=groups)
        for place_P in places_PK.T
    ]
    mean_GK: Floats = np.stack(sums, axis=1) / np.maximum(size_G, 1e-300)[:, None]
    return np.where(size_G[:, None] > 0, mean_GK, before_GK)


def _distances(places_PK: Floats, centre_GK: Floats) -> Floats:
    """Return squared distances, P x G."""
    distance_GP = np.zeros((len(centre_GK), len(places_PK)))
    for g, centre_K in enumerate(centre_GK):
        for place_P, centre in zip(places_PK.T, centre_K, strict=True):
            distance_GP[g] += (place_P - centre) ** 2
    return distance_GP.T
