"""Votes faster than anybody reads, and people who come all at once.

Axes: P people, S statements, V votes.

Two tests, both of times alone:

- *speed*: more than half of somebody's votes came sooner than the statement could be read, by three times the mean rate of
  silent reading (238 words a minute; Brysbaert 2019) and 0.3 s to press. Of somebody who mostly reads, the number of such
  votes is at most binomial with one half.
- *arrival*: so many others cast their first vote within half a minute of somebody's first, of those who did within ten
  minutes. If people came evenly over those twenty minutes it would be binomial with one twentieth.
"""

import unicodedata
from collections.abc import Sequence

import numpy as np
from scipy import stats

from folkmoot.listen.ballots import Ballots, gaps_ms
from folkmoot.listen.votes import Floats, Ints
from folkmoot.records import Statement

LETTERS_PER_S = 70.0
PRESS_S = 0.3
WINDOW_S = 30.0
AROUND_S = 600.0
_WIDE_LETTER = 3
"""Letters that one Chinese, Japanese or Korean character stands for."""


def reading_ms(statements: Sequence[Statement]) -> Floats:
    """Return the shortest time in which each statement can be read and voted on, S-long, in milliseconds."""
    return np.array([1000 * (PRESS_S + _letters(s.text) / LETTERS_PER_S) for s in statements])


def too_fast(ballots: Ballots, reading_S: Floats) -> Floats:
    """Return a p-value for each person: at most half of their votes came sooner than they could read.

    Where times are whole seconds a gap may have been a second longer than it looks, and is taken so. All are 1 without times.
    """
    gap_V = gaps_ms(ballots)
    if gap_V is None or ballots.time_V is None:
        return np.ones(ballots.people)
    coarse = 1000.0 if not np.any(ballots.time_V % 1000) else 0.0
    fast_P = ballots.sums(gap_V + coarse < reading_S[ballots.statement_V])  # NaN is never less
    p_P: Floats = stats.binom.sf(fast_P - 1, np.maximum(ballots.cast - 1, 0), 0.5)
    return p_P


def all_at_once(ballots: Ballots) -> Floats:
    """Return a p-value for each person: that many others came within half a minute by chance. All are 1 without times."""
    if ballots.time_V is None:
        return np.ones(ballots.people)
    first_P = ballots.time_V[ballots.edges[:-1]]
    sorted_P = np.sort(first_P)
    near_P, around_P = (_within(sorted_P, first_P, 1000 * reach) - 1 for reach in (WINDOW_S, AROUND_S))
    p_P: Floats = stats.binom.sf(near_P - 1, around_P, WINDOW_S / AROUND_S)
    return p_P


def _within(sorted_P: Floats, at_P: Floats, reach: float) -> Ints:
    counts_P: Ints = np.searchsorted(sorted_P, at_P + reach, "right") - np.searchsorted(sorted_P, at_P - reach, "left")
    return counts_P


def _letters(text: str) -> int:
    return sum(_WIDE_LETTER if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
