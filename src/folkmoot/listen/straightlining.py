"""Whether somebody cast one and the same vote for longer than their opinion explains.

Axes: P people, V votes, X nodes of an integral over people.

An honest person casts a vote as readily as others of their opinion group do on the same statement, moved by a readiness of
their own: some people agree, disagree or pass more than others. On the scale of log-odds that readiness is taken to be
normal, as wide as nine tenths of this public have it, so that fewer than a tenth of attackers cannot widen it. Nor can they hide
by being a group of their own: who is in a group of less than a tenth is compared with the larger group nearest to them.
Where the order of votes is known the longest run counts (the "longstring" of Johnson 2005), else how often the vote was cast.
Both p-values are upper bounds: for runs the expected number of runs so long, for counts Chernoff's bound.
"""

import numpy as np
from scipy import optimize, stats

from folkmoot.listen.ballots import Ballots
from folkmoot.listen.votes import Floats, Ints

KINDS = (1, -1, 0)
LARGE = 0.1
"""Share of people from which a group is large enough to be compared with."""
_SHRINK = 2.0
"""Votes of the whole public that stand beside those of the group."""
_NODE_X = np.arange(-4.0, 8.01, 0.5)
_WEIGHT_X = stats.norm.pdf(_NODE_X) / stats.norm.pdf(_NODE_X).sum()
_WIDTH_QUANTILE = 0.9
_WIDEST = 10.0
_SURE = 12.0


def straight_lining(ballots: Ballots, group_P: Ints, statements: int) -> Floats:
    """Return a p-value for each person: one kind of vote was cast so long, or so often, by an honest person.

    Args:
        ballots: votes of who is tested.
        group_P: opinion group of each.
        statements: S.
    """
    large_P = _in_large_groups(ballots, group_P, statements)
    p_KP = [_of_kind(ballots, _log_odds(ballots, large_P, statements, kind), kind) for kind in KINDS]
    smallest_P: Floats = np.minimum(1.0, len(KINDS) * np.min(p_KP, axis=0))
    return smallest_P


def _of_kind(ballots: Ballots, odds_V: Floats, kind: int) -> Floats:
    shift_X = spread_of_readiness(ballots, odds_V, kind) * _NODE_X
    if ballots.time_V is None:
        return _often(ballots, odds_V, kind, shift_X)
    return _in_a_row(ballots, odds_V, kind, shift_X)


def _in_large_groups(ballots: Ballots, group_P: Ints, statements: int) -> Ints:
    """Put who is in a small group into the large one that is likeliest to vote as they do."""
    share_G = np.bincount(group_P) / len(group_P)
    large = np.flatnonzero(share_G >= LARGE)
    small_P = share_G[group_P] < LARGE
    if not small_P.any() or not len(large):
        return group_P
    token_V = 3 * ballots.statement_V.astype(np.int64) + ballots.vote_V + 1
    fits_GP = []
    for group in large:
        cast_T = np.bincount(token_V[group_P[ballots.owner] == group], minlength=3 * statements) + 1.0
        cast_S = cast_T.reshape(-1, 3).sum(axis=1)
        fits_GP.append(ballots.sums(np.log(cast_T[token_V] / cast_S[ballots.statement_V])))
    return np.where(small_P, large[np.argmax(fits_GP, axis=0)], group_P)


def _log_odds(ballots: Ballots, group_P: Ints, statements: int, kind: int) -> Floats:
    """Return the log-odds that others of the same group cast this vote on the same statement, V-long."""
    is_kind_V = ballots.vote_V == kind
    cell_V = group_P[ballots.owner] * statements + ballots.statement_V
    base = np.clip(is_kind_V.mean(), 0.01, 0.99)
    others_V = np.bincount(cell_V)[cell_V] - 1
    so_V = np.bincount(cell_V, weights=is_kind_V)[cell_V] - is_kind_V
    share_V = (so_V + _SHRINK * base) / (others_V + _SHRINK)
    odds_V: Floats = np.log(share_V / (1 - share_V))
    return odds_V


def spread_of_readiness(ballots: Ballots, odds_V: Floats, kind: int) -> float:
    """Return the standard deviation, in log-odds, of how much more or less readily people cast this vote.

    It is where nine tenths of people lie as near to their expected count as nine tenths of honest people would.
    """
    share_V = 1 / (1 + np.exp(-odds_V))
    variance_P = ballots.sums(share_V * (1 - share_V))
    square_P = (ballots.sums(ballots.vote_V == kind) - ballots.sums(share_V)) ** 2
    known = variance_P > 0
    if not known.any():
        return 0.0
    square_P, variance_P = square_P[known], variance_P[known]

    def excess(width: float) -> float:
        ratio_P = square_P / (variance_P + width**2 * variance_P**2)
        return float(np.quantile(ratio_P, _WIDTH_QUANTILE) - stats.chi2.ppf(_WIDTH_QUANTILE, 1))

    if excess(0.0) <= 0:
        return 0.0
    return _WIDEST if excess(_WIDEST) > 0 else float(optimize.brentq(excess, 0.0, _WIDEST, xtol=1e-4))


# ------------------------------------------------------------------ runs


def longest_runs(ballots: Ballots, kind: int) -> Ints:
    """Return the longest run of one kind of vote of each person, P-long."""
    run_V = _run_lengths(ballots, kind)
    longest_P = np.zeros(ballots.people, dtype=np.int64)
    np.maximum.at(longest_P, ballots.owner, run_V)
    return longest_P


def _run_lengths(ballots: Ballots, kind: int) -> Ints:
    """Return how many votes of this kind in a row end here, V-long."""
    at_V = np.arange(len(ballots.vote_V))
    broken_V = np.where(ballots.vote_V == kind, -1, at_V)
    starts_V = ballots.edges[:-1][ballots.owner]
    run_V: Ints = at_V - np.maximum(np.maximum.accumulate(broken_V), starts_V - 1)
    return run_V


def _in_a_row(ballots: Ballots, odds_V: Floats, kind: int, shift_X: Floats) -> Floats:
    """Return the chance of a run as long as the longest: the expected number of places where one begins."""
    length_P = longest_runs(ballots, kind)
    person_V = ballots.owner
    at_V = np.arange(len(odds_V))
    length_V = length_P[person_V]
    fits_V = (at_V + length_V <= ballots.edges[1:][person_V]) & (length_V > 0)
    first_V = at_V == ballots.edges[:-1][person_V]
    end_V = np.where(fits_V, at_V + length_V, at_V)
    chance_P = np.zeros(ballots.people)
    for weight, shift in zip(_WEIGHT_X, shift_X, strict=True):
        other_V = 1 / (1 + np.exp(odds_V + shift))
        so_far = np.concatenate([[0.0], np.cumsum(np.log1p(-other_V))])
        begins_V = np.where(first_V, 1.0, np.roll(other_V, 1))
        expected_V = np.where(fits_V, begins_V * np.exp(so_far[end_V] - so_far[at_V]), 0.0)
        chance_P += weight * np.minimum(1.0, ballots.sums(expected_V))
    chance_P[length_P == 0] = 1.0
    return chance_P


# ------------------------------------------------------------------ counts


def _often(ballots: Ballots, odds_V: Floats, kind: int, shift_X: Floats) -> Floats:
    """Return Chernoff's bound on the chance of casting this vote as often; tilting and readiness are both shifts of odds."""
    times_P = ballots.sums(ballots.vote_V == kind)
    tilt_P = _shift_that_expects(ballots, odds_V, times_P)
    tilted_P = ballots.sums(np.logaddexp(0, odds_V + tilt_P[ballots.owner])) - tilt_P * times_P
    chance_P = np.zeros(ballots.people)
    for weight, shift in zip(_WEIGHT_X, shift_X, strict=True):
        here_P = ballots.sums(np.logaddexp(0, odds_V + shift)) - shift * times_P
        bound_P = np.where(tilt_P > shift, np.exp(np.minimum(0.0, tilted_P - here_P)), 1.0)
        chance_P += weight * bound_P
    return chance_P


def _shift_that_expects(ballots: Ballots, odds_V: Floats, times_P: Floats) -> Floats:
    """Return the shift of log-odds at which each person would be expected to cast the vote that often, by bisection."""
    low_P, high_P = (np.full(ballots.people, side) for side in (-2 * _SURE, 2 * _SURE))
    for _ in range(40):
        middle_P = (low_P + high_P) / 2
        expected_P = ballots.sums(1 / (1 + np.exp(-(odds_V + middle_P[ballots.owner]))))
        too_few_P = expected_P < times_P
        low_P, high_P = np.where(too_few_P, middle_P, low_P), np.where(too_few_P, high_P, middle_P)
    shift_P: Floats = (low_P + high_P) / 2
    return shift_P
