"""How likely each vote is of an honest person, and simulated honest people for control.

Axes: P people, S statements, V votes; kinds of vote in the order disagree, pass, agree.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, stats

from folkmoot.listen.ballots import ballots_of, gaps_ms
from folkmoot.listen.bursts import AROUND_S
from folkmoot.listen.consultation import Consultation
from folkmoot.listen.factors import Factors, fit_factors
from folkmoot.listen.votes import Floats, Votes

_SHORTEST_MS = 100.0


@dataclass(frozen=True, slots=True)
class Propensities:
    """Who is likely to cast which vote: one model of agreeing, one of passing (statement and person, no factors)."""

    agreeing: Factors
    passing: Factors

    def of(self, person_V: NDArray[np.integer], statement_V: NDArray[np.integer]) -> Floats:
        """Return the probabilities of disagree, pass and agree, V x 3."""
        agree_V = self.agreeing.probability(person_V, statement_V)
        pass_V = self.passing.probability(person_V, statement_V)
        return np.stack([(1 - pass_V) * (1 - agree_V), pass_V, (1 - pass_V) * agree_V], axis=1)

    def draw(
        self, person_V: NDArray[np.integer], statement_V: NDArray[np.integer], rng: np.random.Generator
    ) -> NDArray[np.int8]:
        """Draw an honest vote for each pair, V-long: -1, 0 or 1."""
        up_to_VK = self.of(person_V, statement_V).cumsum(axis=1)[:, :2]
        drawn_V: NDArray[np.int8] = ((rng.random((len(up_to_VK), 1)) > up_to_VK).sum(axis=1) - 1).astype(np.int8)
        return drawn_V


def fit_propensities(votes_PS: Votes, factors: int) -> Propensities:
    """Fit both models to the votes that were cast."""
    passed = np.where(votes_PS.data == 0, 1, -1).astype(np.int8)
    passed_PS = sparse.csr_array((passed, votes_PS.indices, votes_PS.indptr), shape=votes_PS.shape)
    return Propensities(fit_factors(votes_PS, factors), fit_factors(passed_PS, 0))


def simulate_honest(consultation: Consultation, propensities: Propensities, rng: np.random.Generator) -> Consultation:
    """Return the same people seeing the same statements in the same order, each voting as the model says, marked simulated.

    Where times are known they are drawn too: people arrive when they did, give or take ten minutes; each has a pace drawn
    from the public's, and the gaps between votes are scattered around it as gaps are.
    """
    return replace(
        consultation,
        vote_V=propensities.draw(consultation.participant_V, consultation.statement_V, rng),
        time_V=None if consultation.time_V is None else _honest_times(consultation, rng),
        simulated=True,
    )


def _honest_times(consultation: Consultation, rng: np.random.Generator) -> Floats:
    ballots = ballots_of(consultation, at_least=1)
    gap_V = gaps_ms(ballots)
    assert gap_V is not None
    assert ballots.time_V is not None
    follows_V = ~np.isnan(gap_V)
    log_V = np.log(np.maximum(gap_V[follows_V], _SHORTEST_MS))
    person_V = ballots.owner[follows_V]
    pace_P = _medians(log_V, person_V, ballots.people)
    known = ~np.isnan(pace_P)
    spread = stats.median_abs_deviation(pace_P[known], scale="normal") if known.any() else 0.0
    drawn_P = rng.normal(np.median(pace_P[known]) if known.any() else 0.0, spread, ballots.people)
    scatter_V = rng.choice(log_V - pace_P[person_V], len(log_V)) if len(log_V) else log_V
    gaps = np.zeros(len(gap_V))
    gaps[follows_V] = np.exp(drawn_P[person_V] + scatter_V)
    begin_P = ballots.time_V[ballots.edges[:-1]] + rng.uniform(-1000 * AROUND_S, 1000 * AROUND_S, ballots.people)
    since_V = np.cumsum(gaps)
    time_V = begin_P[ballots.owner] + since_V - since_V[ballots.edges[:-1]][ballots.owner]
    placed_V = np.empty_like(time_V)
    placed_V[ballots.position_V] = time_V
    return placed_V


def _medians(value_V: Floats, person_V: NDArray[np.integer], people: int) -> Floats:
    order = np.lexsort((value_V, person_V))
    counts = np.bincount(person_V, minlength=people)
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    found = counts > 0
    median_P = np.full(people, np.nan)
    low, high = starts + (np.maximum(counts, 1) - 1) // 2, starts + np.maximum(counts, 1) // 2
    median_P[found] = (value_V[order][low[found]] + value_V[order][high[found]]) / 2
    return median_P
