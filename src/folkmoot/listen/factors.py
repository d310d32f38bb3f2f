"""What somebody would vote on a statement they have not seen: latent factors with biases, missing votes left missing.

Axes: P participants, S statements, V votes, K factors, D = K + 2.

The log-odds that participant p agrees with statement s are f_p · g_s + a_p + b_s. Factors and biases are fitted by
variational Bayes with the quadratic bound on the logistic function (Jaakkola and Jordan 2000), which needs no step size and
keeps the uncertainty of whoever voted little. A pass is a vote half for either side; an unseen statement is nothing at
all. How widely biases are spread is learned from the votes.

Nothing is drawn at random and nothing hangs on the order of rows: participants or statements in another order give the
same model in that order.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from folkmoot.listen.components import centred, components
from folkmoot.listen.votes import Floats, Votes

MAX_ROUNDS = 60
TOLERANCE = 3e-3
"""Mean change of the log-odds of the votes at which fitting ends."""
_FIRST_VARIANCE = 0.5
_LARGEST_FIRST_FACTOR = 3.0
_CHUNK = 200_000
"""Numbers gathered at once: what lies in the processor's cache is summed several times faster."""


@dataclass(frozen=True, slots=True)
class _Side:
    """Moments of one side's extended vectors: (f, a, 1) of participants or (g, 1, b) of statements.

    Attributes:
        mean: rows x D.
        second: rows x D x D, expected outer products.
    """

    mean: Floats
    second: Floats


@dataclass(frozen=True, slots=True)
class Factors:
    """A fitted model.

    Attributes:
        participants: P x D and P x D x D moments.
        statements: S x D and S x D x D moments.
        rounds: updates until the log-odds stood still.
    """

    participants: _Side
    statements: _Side
    rounds: int

    @property
    def intercepts(self) -> Floats:
        """b_s, S-long, in log-odds: how willingly a statement is agreed with by people whom no factor moves either way."""
        intercept_S: Floats = self.statements.mean[:, -1]
        return intercept_S

    def probability(self, participant_V: NDArray[np.integer], statement_V: NDArray[np.integer]) -> Floats:
        """Return the probability of agreeing rather than disagreeing, for pairs of participant and statement.

        The uncertainty of the log-odds draws it towards one half (MacKay 1992, the evidence framework, eq. 10).
        """
        mean_V, second_V = _log_odds(self.participants, self.statements, participant_V, statement_V)
        variance_V = np.maximum(second_V - mean_V**2, 0)
        probability_V: Floats = 1 / (1 + np.exp(-mean_V / np.sqrt(1 + np.pi * variance_V / 8)))
        return probability_V


def fit_factors(
    votes_PS: Votes,
    factors: int,
    *,
    precision: float = 0.5,
    pass_weight: float = 0.5,
    start: Factors | None = None,
) -> Factors:
    """Fit the model to the votes that were cast.

    Args:
        votes_PS: sparse, +1, 0 (a stored pass), -1.
        factors: K, at most; it is cut to what the matrix can hold.
        precision: of the prior of statements' factors; participants' have precision 1.
        pass_weight: what a pass counts for beside an agree or disagree.
        start: an earlier fit of the same shape to go on from, which takes fewer rounds.
    """
    people, statements = votes_PS.shape
    count = max(0, min(factors, people - 1, statements - 1))
    participant_V, statement_V = np.repeat(np.arange(people), np.diff(votes_PS.indptr)), votes_PS.indices
    weight_V = np.where(votes_PS.data == 0, pass_weight, 1.0)
    pull_PS = _with_data(votes_PS, votes_PS.data / 2)
    ours, theirs = _first_guess(votes_PS, count) if start is None else (start.participants, start.statements)
    mean_V, second_V = _log_odds(ours, theirs, participant_V, statement_V)
    rounds, moved = 0, np.inf
    while rounds < MAX_ROUNDS and moved >= TOLERANCE:
        rounds += 1
        curvature_PS = _with_data(votes_PS, weight_V * _curvature(second_V))
        prior = _participants_prior(ours, count)
        ours = _update(curvature_PS, pull_PS, theirs, *prior, own=count, offset=count + 1)
        prior = _statements_prior(theirs, count, precision)
        theirs = _update(curvature_PS.T, pull_PS.T, ours, *prior, own=count + 1, offset=count)
        before_V = mean_V
        mean_V, second_V = _log_odds(ours, theirs, participant_V, statement_V)
        moved = float(np.abs(mean_V - before_V).mean()) if len(mean_V) else 0.0
    return Factors(ours, theirs, rounds)


# ------------------------------------------------------------------ the variational updates


def _with_data(votes_PS: Votes, data_V: Floats) -> Any:
    return sparse.csr_array((data_V, votes_PS.indices, votes_PS.indptr), shape=votes_PS.shape)


def _participants_prior(ours: _Side, count: int) -> tuple[Floats, float]:
    """Return the precisions of factors and bias, and the mean of the bias; the spread of biases is learned."""
    spread = ours.second[:, count, count].sum() / max(len(ours.second), 1)
    return np.append(np.ones(count), 1 / max(float(spread), 1e-3)), 0.0


def _statements_prior(theirs: _Side, count: int, precision: float) -> tuple[Floats, float]:
    """Return the same for statements, whose biases have a mean of their own."""
    statements = max(len(theirs.mean), 1)
    mean = float(theirs.mean[:, count + 1].sum()) / statements
    spread = float(theirs.second[:, count + 1, count + 1].sum()) / statements - mean**2
    return np.append(np.full(count, precision), 1 / max(spread, 1e-2)), mean


def _curvature(second_V: Floats) -> Floats:
    """Return tanh(ξ/2) / (2ξ), the curvature of the bound that touches the logistic at ξ² = E[log-odds²]."""
    touch_V = np.sqrt(np.maximum(second_V, 1e-10))
    curvature_V: Floats = np.tanh(touch_V / 2) / (2 * touch_V)
    return curvature_V


def _update(
    curvature: Any, pull: Any, other: _Side, precision: Floats, bias_mean: float, *, own: int, offset: int
) -> _Side:
    """Return one side's moments, given the other's.

    Args:
        own: place of this side's bias in an extended vector; there the other side holds 1.
        offset: place of the other side's bias; there this side holds 1.
    """
    dims = other.mean.shape[1]
    free = [*range(dims - 2), own]
    rows = curvature.shape[0]
    gathered = np.asarray(curvature @ other.second.reshape(len(other.mean), dims * dims)).reshape(rows, dims, dims)
    slope = np.asarray(pull @ other.mean)[:, free] - gathered[:, free, offset]
    slope[:, -1] += bias_mean * precision[-1]
    covariance = np.linalg.inv(gathered[:, free][:, :, free] + np.diag(precision))
    mean = np.einsum("rij,rj->ri", covariance, slope)
    extended = np.zeros((rows, dims))
    extended[:, free] = mean
    extended[:, offset] = 1
    second = extended[:, :, None] * extended[:, None, :]
    second[np.ix_(range(rows), free, free)] += covariance
    return _Side(extended, second)


def _log_odds(
    ours: _Side, theirs: _Side, participant_V: NDArray[np.integer], statement_V: NDArray[np.integer]
) -> tuple[Floats, Floats]:
    """Return the mean of the log-odds and of their square for each pair."""
    mean_V, second_V = np.empty(len(participant_V)), np.empty(len(participant_V))
    size = max(1, _CHUNK // ours.mean.shape[1] ** 2)
    flat_P, flat_S = (side.second.reshape(len(side.second), -1) for side in (ours, theirs))
    for a in range(0, len(participant_V), size):
        p, s = participant_V[a : a + size], statement_V[a : a + size]
        mean_V[a : a + size] = np.einsum("vd,vd->v", ours.mean.take(p, axis=0), theirs.mean.take(s, axis=0))
        second_V[a : a + size] = np.einsum("vd,vd->v", flat_P.take(p, axis=0), flat_S.take(s, axis=0))
    return mean_V, second_V


def _first_guess(votes_PS: Votes, count: int) -> tuple[_Side, _Side]:
    """Start from the principal components, which no order of rows decides, and from statements' shares."""
    people, statements = votes_PS.shape
    centred_PS = centred(votes_PS, np.ones(statements, dtype=bool))
    right_KS = components(centred_PS, count)[1] if count else np.zeros((0, statements))
    left_PK = np.asarray(centred_PS @ right_KS.T)
    agree_S, said_S = (
        np.bincount(votes_PS.indices, weights=is_so, minlength=statements)
        for is_so in (votes_PS.data == 1, votes_PS.data != 0)
    )
    ours, theirs = np.zeros((people, count + 2)), np.zeros((statements, count + 2))
    ours[:, :count] = left_PK / np.maximum(left_PK.std(axis=0), 1e-9) if people else 0
    ours[:, count + 1] = 1
    theirs[:, :count] = right_KS.T * min(np.sqrt(statements), _LARGEST_FIRST_FACTOR)
    theirs[:, count] = 1
    theirs[:, count + 1] = np.log((agree_S + 1) / (said_S - agree_S + 1))
    return _guessed(ours, [*range(count), count]), _guessed(theirs, [*range(count), count + 1])


def _guessed(mean: Floats, free: list[int]) -> _Side:
    second = mean[:, :, None] * mean[:, None, :]
    second[:, free, free] += _FIRST_VARIANCE
    return _Side(mean, second)
