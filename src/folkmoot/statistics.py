"""Numbers with intervals: bootstrap over the units that vary, and corrections for many tests.

Axes: I units (items, prompts or participants), S seeds, B bootstrap resamples.

Intervals are 95% percentile bootstrap intervals (Efron and Tibshirani 1993, chapter 13) unless said otherwise. Units that
belong together are resampled together: pass `clusters`.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from folkmoot.errors import FolkmootError
from folkmoot.records import Estimate

RESAMPLES = 4000
LEVEL = 0.95
Floats = NDArray[np.float64]


def bootstrap_mean(
    values_I: ArrayLike, rng: np.random.Generator, *, clusters: Sequence[object] | None = None
) -> Estimate:
    """Return the mean of `values_I` with its interval; n counts clusters, or values where there are none.

    Raises:
        FolkmootError: there are no values.
    """
    values = np.asarray(values_I, dtype=float)
    return two_way_mean(values[None, :], rng, clusters=clusters)


def paired_difference(
    x_I: ArrayLike, y_I: ArrayLike, rng: np.random.Generator, *, clusters: Sequence[object] | None = None
) -> Estimate:
    """Return mean(x - y) over the same units, with its interval."""
    x, y = np.asarray(x_I, dtype=float), np.asarray(y_I, dtype=float)
    if x.shape != y.shape:
        raise ValueError(f"paired values differ in shape: {x.shape} and {y.shape}")
    return bootstrap_mean(x - y, rng, clusters=clusters)


def two_way_mean(
    values_SI: ArrayLike, rng: np.random.Generator, *, clusters: Sequence[object] | None = None
) -> Estimate:
    """Return the mean of seeds x units, resampling seeds and units independently of each other.

    Raises `FolkmootError` where there are no values. With one seed only the units are resampled, and the interval says nothing about other seeds. n counts units.
    """
    values = np.asarray(values_SI, dtype=float)
    if values.size == 0:
        raise FolkmootError("no values to take a mean of")
    sums_SG, counts_G = _by_cluster(values, clusters)
    n_seeds, n_groups = sums_SG.shape
    means = np.empty(RESAMPLES)
    for start in range(0, RESAMPLES, 500):
        b = min(500, RESAMPLES - start)
        units_BG = rng.multinomial(n_groups, np.full(n_groups, 1 / n_groups), size=b).astype(float)
        seeds_BS = rng.multinomial(n_seeds, np.full(n_seeds, 1 / n_seeds), size=b) / n_seeds
        totals_B = np.einsum("bs,sg,bg->b", seeds_BS, sums_SG, units_BG)
        means[start : start + b] = totals_B / (units_BG @ counts_G)
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return Estimate(float(values.mean()), (float(low), float(high)), n_groups)


def _by_cluster(values_SI: Floats, clusters: Sequence[object] | None) -> tuple[Floats, Floats]:
    """Return sums per seed and cluster, and cluster sizes."""
    n_units = values_SI.shape[1]
    if clusters is None:
        return values_SI, np.ones(n_units)
    if len(clusters) != n_units:
        raise ValueError(f"{len(clusters)} cluster labels for {n_units} units")
    labels: dict[object, int] = {}
    index = np.array([labels.setdefault(c, len(labels)) for c in clusters])
    membership_IG = np.zeros((n_units, len(labels)))
    membership_IG[np.arange(n_units), index] = 1.0
    return values_SI @ membership_IG, membership_IG.sum(axis=0)


def proportion(successes: int, n: int) -> Estimate:
    """Return a proportion with its Jeffreys interval (Brown, Cai and DasGupta 2001, section 4.3)."""
    if n <= 0:
        raise FolkmootError("a proportion of nothing has no value")
    low = 0.0 if successes == 0 else float(stats.beta.ppf(0.025, successes + 0.5, n - successes + 0.5))
    high = 1.0 if successes == n else float(stats.beta.ppf(0.975, successes + 0.5, n - successes + 0.5))
    return Estimate(successes / n, (low, high), n)


def ratio(numerator_I: ArrayLike, denominator_I: ArrayLike, rng: np.random.Generator) -> Estimate:
    """Return mean(numerator) / mean(denominator) over the same units, with its interval.

    Raises:
        FolkmootError: the denominator's own interval includes 0, so the ratio could be anything.
    """
    top, bottom = np.asarray(numerator_I, dtype=float), np.asarray(denominator_I, dtype=float)
    check = bootstrap_mean(bottom, rng)
    if check.ci[0] <= 0 <= check.ci[1]:
        raise FolkmootError(
            f"this ratio is refused: its denominator is {check.value:.3g} with an interval "
            f"[{check.ci[0]:.3g}, {check.ci[1]:.3g}] that includes 0",
            do="report the difference instead, or collect more",
        )
    n = bottom.size
    weights_BI = rng.multinomial(n, np.full(n, 1 / n), size=RESAMPLES)
    ratios = (weights_BI @ top) / (weights_BI @ bottom)
    low, high = np.quantile(ratios, [0.025, 0.975])
    return Estimate(float(top.mean() / bottom.mean()), (float(low), float(high)), n)


def benjamini_hochberg(p_values: ArrayLike) -> Floats:
    """Return p-values adjusted for the false discovery rate (Benjamini and Hochberg 1995, procedure 1)."""
    return np.asarray(stats.false_discovery_control(np.asarray(p_values, dtype=float), method="bh"), dtype=float)


def excludes_zero(estimate: Estimate) -> bool:
    """Return whether the interval lies on one side of 0."""
    return estimate.ci[0] > 0 or estimate.ci[1] < 0
