"""How well a vote that was held back can be told from the others: the test of what we say of votes nobody cast.

Axes: P participants, S statements, V votes, M methods.

A tenth of the agrees and disagrees is held back, in ten draws that are the same for every method. Each method chooses its
settings and the calibration of its probabilities on a tenth of what is left, then learns from all that is left.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, stats
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from folkmoot.errors import FolkmootError
from folkmoot.listen.components import centred, components
from folkmoot.listen.consultation import Consultation
from folkmoot.listen.factors import fit_factors
from folkmoot.listen.votes import Floats, Ints, Votes, means, vote_matrix
from folkmoot.records import Estimate

MASKS = 10
HELD_BACK = 0.1
FEWEST_HELD = 20
MEASURES = ("accuracy", "auc", "log_loss", "rmse", "calibration_error")
OURS = "factors"
_BINS = 10
_ALS_ROUNDS = 12
_SURE = 1e-4

Scores = Callable[[Ints, Ints], Floats]
"""(participants, statements) -> log-odds of agreeing, before calibration."""
Fit = Callable[[Votes], Scores]


@dataclass(frozen=True, slots=True)
class Compared:
    """One method's measures, and how much better ours is on the same masks.

    Attributes:
        by_measure: mean over masks with its 95% t interval; n counts masks.
        ours_better_by: ours less this one's, signed so that above 0 ours is better; empty for ours.
    """

    method: str
    by_measure: dict[str, Estimate]
    ours_better_by: dict[str, Estimate]


def compare(
    consultation: Consultation, *, masks: int = MASKS, progress: Callable[[str, int, int], None] = lambda *_: None
) -> list[Compared]:
    """Predict held-back votes with every method; ours is the last row.

    Raises:
        FolkmootError: so few people agreed or disagreed that nothing can be held back.
    """
    votes_PS = vote_matrix(consultation)
    found: dict[str, list[dict[str, float]]] = {method: [] for method in METHODS}
    with threadpool_limits(limits=1):
        for number in range(masks):
            progress("predicting votes that were held back", number, masks)
            kept_PS, people, statements, agrees = hold_back(
                votes_PS, np.random.default_rng(number), name=consultation.name
            )
            inner = hold_back(kept_PS, np.random.default_rng((number, 1)), name=consultation.name)
            for method, fits in METHODS.items():
                probability = _chosen(fits, kept_PS, inner)
                found[method].append(_measured(probability(people, statements), agrees))
    return [
        Compared(
            method,
            {name: _over_masks([row[name] for row in rows]) for name in MEASURES},
            {} if method == OURS else {name: _over_masks(_gains(found[OURS], rows, name)) for name in MEASURES},
        )
        for method, rows in found.items()
    ]


Held = tuple[Votes, Ints, Ints, NDArray[np.bool_]]


def hold_back(votes_PS: Votes, rng: np.random.Generator, *, name: str = "the votes") -> Held:
    """Return the votes without a tenth of the agrees and disagrees, and of those the person, statement and whether it agrees.

    Raises:
        FolkmootError: a tenth is fewer than 20 votes, or all of them are alike.
    """
    person_V = np.repeat(np.arange(votes_PS.shape[0]), np.diff(votes_PS.indptr))
    decided = np.flatnonzero(votes_PS.data != 0)
    count = int(len(decided) * HELD_BACK)
    held = np.sort(rng.choice(decided, size=count, replace=False))
    agrees = votes_PS.data[held] == 1
    if count < FEWEST_HELD or agrees.all() or not agrees.any():
        raise FolkmootError(
            f"{len(decided)} agrees and disagrees are too few, or too much alike, to hold some back and predict them",
            where=name,
            do="predict a consultation with some hundreds of votes of either kind",
        )
    kept = np.ones(votes_PS.nnz, dtype=bool)
    kept[held] = False
    kept_PS = sparse.csr_array((votes_PS.data[kept], (person_V[kept], votes_PS.indices[kept])), shape=votes_PS.shape)
    kept_PS.sort_indices()
    return kept_PS, person_V[held], votes_PS.indices[held].astype(np.int64), agrees


# ------------------------------------------------------------------ the methods


def _statement_means(votes_PS: Votes) -> Scores:
    odds_S = np.log((_said(votes_PS, 1) + 1) / (_said(votes_PS, -1) + 1))
    return lambda _, statements: odds_S[statements]


def _two_components(votes_PS: Votes) -> Scores:
    """Fill with the statement's mean and keep two principal components, as Polis does."""
    mean_S = means(votes_PS)
    centred_PS = centred(votes_PS, np.ones(votes_PS.shape[1], dtype=bool))
    right_2S = components(centred_PS, 2)[1]
    left_P2 = np.asarray(centred_PS @ right_2S.T)
    return lambda people, statements: _odds(
        mean_S[statements] + np.einsum("vk,vk->v", left_P2[people], right_2S.T[statements])
    )


def _least_squares(votes_PS: Votes, *, rank: int, ridge: float) -> Scores:
    """Alternate ridge regressions on the votes that were cast (Zhou et al. 2008), without biases."""
    people, statements = votes_PS.shape
    rank = min(rank, people, statements)
    value_PS = votes_PS.astype(np.float64)
    seen_PS = sparse.csr_array((np.ones(votes_PS.nnz), votes_PS.indices, votes_PS.indptr), shape=votes_PS.shape)
    right = components(value_PS, rank)[1].T * np.sqrt(statements)
    left = np.zeros((people, rank))
    for _ in range(_ALS_ROUNDS):
        left = _regressed(seen_PS, value_PS, right, ridge)
        right = _regressed(seen_PS.T.tocsr(), value_PS.T.tocsr(), left, ridge)
    return lambda p, s: _odds(np.einsum("vk,vk->v", left[p], right[s]))


def _regressed(seen: Any, value: Any, other: Floats, ridge: float) -> Floats:
    rank = other.shape[1]
    outer = (other[:, :, None] * other[:, None, :]).reshape(len(other), rank * rank)
    gram = np.asarray(seen @ outer).reshape(-1, rank, rank) + ridge * np.eye(rank)
    solved: Floats = np.linalg.solve(gram, np.asarray(value @ other)[:, :, None])[:, :, 0]
    return solved


def _factors(votes_PS: Votes, *, factors: int, precision: float, pass_weight: float) -> Scores:
    model = fit_factors(votes_PS, factors, precision=precision, pass_weight=pass_weight)
    return lambda people, statements: _log_odds_of(model.probability(people, statements))


METHODS: dict[str, tuple[Fit, ...]] = {
    "statement means": (_statement_means,),
    "two principal components": (_two_components,),
    "alternating least squares": tuple(
        partial(_least_squares, rank=rank, ridge=ridge) for rank in (1, 2, 4, 8) for ridge in (1.0, 3.0, 10.0)
    ),
    OURS: tuple(
        partial(_factors, factors=factors, precision=0.5, pass_weight=weight)
        for factors, weight in ((0, 0.5), (2, 0.5), (2, 1.0), (8, 0.5), (8, 1.0))
    ),
}
"""Each method with the settings it may choose from."""


def _chosen(fits: Sequence[Fit], kept_PS: Votes, inner: Held) -> Scores:
    """Choose settings and calibrate on the inner hold-out, then learn from all that was kept; gives probabilities."""
    inner_PS, people, statements, agrees = inner
    best: tuple[float, Fit, Any] | None = None
    for fit in fits:
        scores = fit(inner_PS)(people, statements)[:, None]
        line = LogisticRegression(C=1e4).fit(scores, agrees)
        loss = _log_loss(line.predict_proba(scores)[:, 1], agrees)
        if best is None or loss < best[0]:
            best = (loss, fit, line)
    assert best is not None
    _, fit, line = best
    final = fit(kept_PS)

    def probability(p: Ints, s: Ints) -> Floats:
        calibrated: Floats = line.predict_proba(final(p, s)[:, None])[:, 1]
        return calibrated

    return probability


# ------------------------------------------------------------------ measures


def _measured(probability_V: Floats, agrees_V: NDArray[np.bool_]) -> dict[str, float]:
    return {
        "accuracy": float(((probability_V > 0.5) == agrees_V).mean()),
        "auc": float(roc_auc_score(agrees_V, probability_V)),
        "log_loss": _log_loss(probability_V, agrees_V),
        "rmse": float(np.sqrt(((probability_V - agrees_V) ** 2).mean())),
        "calibration_error": _calibration_error(probability_V, agrees_V),
    }


def _log_loss(probability_V: Floats, agrees_V: NDArray[np.bool_]) -> float:
    sure = np.clip(probability_V, _SURE, 1 - _SURE)
    return float(-np.where(agrees_V, np.log(sure), np.log(1 - sure)).mean())


def _calibration_error(probability_V: Floats, agrees_V: NDArray[np.bool_]) -> float:
    """Return the expected calibration error over ten bins of equal width (Naeini et al. 2015)."""
    bins = np.minimum((probability_V * _BINS).astype(int), _BINS - 1)
    gaps = np.bincount(bins, weights=probability_V - agrees_V, minlength=_BINS)
    return float(np.abs(gaps).sum() / len(bins))


def _gains(ours: Sequence[dict[str, float]], theirs: Sequence[dict[str, float]], measure: str) -> list[float]:
    sign = 1 if measure in {"accuracy", "auc"} else -1
    return [sign * (a[measure] - b[measure]) for a, b in zip(ours, theirs, strict=True)]


def _over_masks(values: Sequence[float]) -> Estimate:
    mean, n = float(np.mean(values)), len(values)
    if n < 2:
        return Estimate(mean, (-np.inf, np.inf), n)
    reach = float(stats.t.ppf(0.975, n - 1) * np.std(values, ddof=1) / np.sqrt(n))
    return Estimate(mean, (mean - reach, mean + reach), n)


def _said(votes_PS: Votes, side: int) -> Floats:
    return np.bincount(votes_PS.indices[votes_PS.data == side], minlength=votes_PS.shape[1]).astype(np.float64)


def _odds(vote_V: Floats) -> Floats:
    """Return the log-odds of a predicted vote between -1 and 1."""
    return _log_odds_of((vote_V + 1) / 2)


def _log_odds_of(probability_V: Floats) -> Floats:
    sure = np.clip(probability_V, 0.01, 0.99)
    odds: Floats = np.log(sure / (1 - sure))
    return odds
