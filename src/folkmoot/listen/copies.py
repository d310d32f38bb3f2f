"""People whose votes are alike beyond what their opinions explain.

Axes: P people, V votes, T tokens (a statement with one of its three votes), H hashes.

Of a pair the likelihood that one copies the other, but for one vote in twenty, is held against the likelihood that both vote
for themselves, each as the latent factors of `honest` tell. Where they vote for themselves the expected ratio is 1, so the
chance that it reaches r is at most 1/r (Markov): a p-value that needs no simulation. Popular votes hardly count in it, and
rare ones count much. A person's p-value is that of their likeliest partner, times the number of others.

Pairs worth asking about are found without comparing everybody: people whose votes, the rarer the likelier, win the same
lots (weighted min-wise hashing, after Broder 1997 and Chum, Philbin and Zisserman 2008). At most H · 4 partners each
are compared, whatever the size of the public.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from folkmoot.listen.ballots import Ballots
from folkmoot.listen.honest import Propensities
from folkmoot.listen.votes import Floats, Ints, Votes

HASHES = 48
NEIGHBOURS = 4
MISCOPIED = 0.05
"""Share of votes in which a copy may differ."""
_CHUNK = 20_000


def copying(
    ballots: Ballots, propensities: Propensities, statements: int, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Return p-values and pairs.

    Args:
        ballots: votes of who is tested.
        propensities: fitted to the same people, in the same order.
        statements: S.
        rng: for the lots.

    Returns:
        A p-value for each person: nobody's votes are theirs or the other way round; and the log ratio of their likeliest
        partner, -inf where none was compared.
    """
    gain_V = _gain_of_a_match(ballots, propensities)
    pairs = candidates(ballots, gain_V, statements, rng)
    ratio_P = np.full(ballots.people, -np.inf)
    ratios = _log_ratios(ballots, gain_V, statements, pairs)
    for side in pairs.T:
        np.maximum.at(ratio_P, side, ratios)
    p_P: Floats = np.minimum(1.0, (ballots.people - 1) * np.exp(-np.maximum(ratio_P, 0.0)))
    return np.where(np.isneginf(ratio_P), 1.0, p_P), ratio_P


def _gain_of_a_match(ballots: Ballots, propensities: Propensities) -> Floats:
    """Return what each vote adds to the log ratio where a partner cast it too, V-long."""
    likely_VK = propensities.of(ballots.owner, ballots.statement_V)
    likely_V = np.maximum(likely_VK[np.arange(len(likely_VK)), ballots.vote_V + 1], 1e-6)
    gain_V: Floats = np.log((1 - MISCOPIED + MISCOPIED * likely_V) / likely_V)
    return gain_V


def candidates(ballots: Ballots, gain_V: Floats, statements: int, rng: np.random.Generator) -> Ints:
    """Return pairs worth comparing, N x 2, the smaller number first, in order and none twice."""
    token_V = _tokens(ballots)
    won_HP = [_winners(ballots, token_V, gain_V, rng.exponential(size=3 * statements)) for _ in range(HASHES)]
    found = []
    for h, won_P in enumerate(won_HP):
        order = np.lexsort((won_HP[h - 1], won_P))
        for step in range(1, NEIGHBOURS + 1):
            a, b = order[:-step], order[step:]
            same = won_P[a] == won_P[b]
            a, b = a[same], b[same]
            found.append(np.minimum(a, b) * ballots.people + np.maximum(a, b))
    keys = np.unique(np.concatenate(found))
    return np.stack(np.divmod(keys, max(ballots.people, 1)), axis=1)


def _tokens(ballots: Ballots) -> Ints:
    return 3 * ballots.statement_V.astype(np.int64) + ballots.vote_V + 1


def _winners(ballots: Ballots, token_V: Ints, gain_V: Floats, lot_T: Floats) -> Ints:
    """Return the token of each person that wins: the smallest lot after dividing by its weight, P-long."""
    score_V = lot_T[token_V] / np.maximum(gain_V, 1e-6)
    least_P = np.minimum.reduceat(score_V, ballots.edges[:-1])
    winner_P = np.empty(ballots.people, dtype=np.int64)
    is_least_V = score_V == least_P[ballots.owner]
    winner_P[ballots.owner[is_least_V]] = token_V[is_least_V]
    return winner_P


def _log_ratios(ballots: Ballots, gain_V: Floats, statements: int, pairs: Ints) -> Floats:
    """Return the log ratio of each pair: the smaller one of who copies whom."""
    shape = (ballots.people, 3 * statements)
    token_V = _tokens(ballots)
    ones_V = np.ones(len(token_V))
    gain_PT = sparse.csr_array((gain_V, token_V, ballots.edges), shape=shape)
    is_PT = sparse.csr_array((ones_V, token_V, ballots.edges), shape=shape)
    saw_PS = sparse.csr_array((ones_V, ballots.statement_V, ballots.edges), shape=(ballots.people, statements))
    for matrix in (gain_PT, is_PT, saw_PS):
        matrix.sort_indices()
    return np.concatenate(
        [np.empty(0)]
        + [
            _ratios_of(pairs[start : start + _CHUNK].T, gain_PT, is_PT, saw_PS)
            for start in range(0, len(pairs), _CHUNK)
        ]
    )


def _ratios_of(pair: NDArray[np.int64], gain_PT: Votes, is_PT: Votes, saw_PS: Votes) -> Floats:
    one, other = pair
    matches = _row_sums(is_PT[one], is_PT[other])
    shared = _row_sums(saw_PS[one], saw_PS[other])
    gain = np.minimum(_row_sums(is_PT[one], gain_PT[other]), _row_sums(gain_PT[one], is_PT[other]))
    ratio: Floats = gain + (shared - matches) * np.log(MISCOPIED)
    return ratio


def _row_sums(a: Votes, b: Votes) -> Floats:
    return np.asarray(a.multiply(b).sum(axis=1), dtype=np.float64).ravel()
