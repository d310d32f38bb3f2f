"""Intervals cover what they should, widen where units hang together, and refuse where they say nothing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from folkmoot.errors import FolkmootError
from folkmoot.records import Estimate
from folkmoot.statistics import (
    benjamini_hochberg,
    bootstrap_mean,
    excludes_zero,
    paired_difference,
    proportion,
    ratio,
    two_way_mean,
)

quick = settings(deadline=None, max_examples=20)
values = st.lists(st.floats(-100, 100, allow_subnormal=False), min_size=1, max_size=30)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def width(estimate: Estimate) -> float:
    return estimate.ci[1] - estimate.ci[0]


def covers(estimate: Estimate, truth: float) -> bool:
    return estimate.ci[0] <= truth <= estimate.ci[1]


# ------------------------------------------------------------------ coverage


@pytest.mark.parametrize("shape", ["normal", "scores"])
def test_a_95_percent_interval_covers_the_mean_about_95_times_in_100(shape: str) -> None:
    covered = 0
    for seed in range(150):
        draw = rng(seed)
        x = draw.normal(2, 1, 40) if shape == "normal" else draw.choice([0.0, 0.5, 1.0], 40, p=[0.2, 0.2, 0.6])
        covered += covers(bootstrap_mean(x, draw), 2 if shape == "normal" else 0.7)
    assert 0.90 <= covered / 150 <= 0.985  # 40 values: a percentile interval is a little short of 95%


def clustered(seed: int, clusters: int = 25, size: int = 4) -> tuple[np.ndarray, list[int]]:
    """Return values of mean 0 whose clusters differ as much as values within them, and the clusters."""
    draw = rng(seed)
    return np.repeat(draw.normal(0, 1, clusters), size) + draw.normal(0, 1, clusters * size), [
        i // size for i in range(clusters * size)
    ]


def test_clustered_intervals_cover_where_unclustered_ones_are_too_short() -> None:
    together = apart = 0
    for seed in range(80):
        x, labels = clustered(seed)
        together += covers(bootstrap_mean(x, rng(seed), clusters=labels), 0)
        apart += covers(bootstrap_mean(x, rng(seed)), 0)
    assert together / 80 >= 0.87
    assert apart / 80 <= 0.85


def test_paired_intervals_cover_the_difference() -> None:
    covered = 0
    for seed in range(100):
        draw = rng(seed)
        unit = draw.normal(0, 10, 40)
        covered += covers(paired_difference(unit + draw.normal(0.5, 1, 40), unit, draw), 0.5)
    assert 0.88 <= covered / 100 <= 0.99


def test_ratios_cover() -> None:
    covered = 0
    for seed in range(100):
        draw = rng(seed)
        bottom = draw.normal(2, 0.5, 40)
        covered += covers(ratio(0.5 * bottom + draw.normal(0, 0.3, 40), bottom, draw), 0.5)
    assert 0.88 <= covered / 100 <= 0.99


@pytest.mark.parametrize("share", [0.02, 0.3, 0.5])
def test_jeffreys_intervals_cover(share: float) -> None:
    draws = rng().binomial(50, share, 2000)
    estimates = {k: proportion(k, 50) for k in set(draws.tolist())}
    assert 0.91 <= np.mean([covers(estimates[k], share) for k in draws.tolist()]) <= 0.995


# ------------------------------------------------------------------ what belongs together


def test_intervals_of_clustered_data_are_wider_and_count_clusters() -> None:
    for seed in range(10):
        x, labels = clustered(seed)
        together, apart = bootstrap_mean(x, rng(seed), clusters=labels), bootstrap_mean(x, rng(seed))
        assert together.value == apart.value
        assert width(together) > 1.2 * width(apart)
        assert (together.n, apart.n) == (25, 100)


def test_clusters_of_one_are_no_clusters_and_their_names_do_not_matter() -> None:
    x = rng(1).normal(size=20)
    assert bootstrap_mean(x, rng(), clusters=range(20)) == bootstrap_mean(x, rng())
    by_number = bootstrap_mean(x, rng(), clusters=[i // 5 for i in range(20)])
    assert by_number == bootstrap_mean(x, rng(), clusters=["abcd"[i // 5] for i in range(20)])


def test_the_mean_is_of_values_even_where_clusters_differ_in_size() -> None:
    estimate = bootstrap_mean([1, 1, 1, 0], rng(), clusters=["a", "a", "a", "b"])
    assert estimate.value == 0.75
    assert estimate.ci == (0.0, 1.0)


def test_variation_between_seeds_widens_the_interval() -> None:
    items_I = rng(1).normal(0, 1, 60)
    shifts_S = np.array([-0.5, 0.0, 0.1, 0.4])
    same = two_way_mean(np.tile(items_I, (4, 1)), rng())
    varied = two_way_mean(items_I + shifts_S[:, None], rng())
    assert varied.value == pytest.approx(same.value)
    assert width(varied) > 1.3 * width(same)
    assert same.n == varied.n == 60


def test_seeds_that_agree_are_worth_no_more_than_one() -> None:
    items_I = rng(1).normal(0, 1, 60)
    one, four = two_way_mean(items_I[None], rng()), two_way_mean(np.tile(items_I, (4, 1)), rng())
    assert width(four) == pytest.approx(width(one), rel=0.1)
    assert one == bootstrap_mean(items_I, rng())


def test_two_way_intervals_cover_where_those_over_items_alone_are_too_short() -> None:
    both = items_alone = 0
    for seed in range(80):
        draw = rng(seed)
        values_SI = draw.normal(0, 1, (8, 1)) + draw.normal(0, 1, (1, 30)) + draw.normal(0, 0.5, (8, 30))
        both += covers(two_way_mean(values_SI, draw), 0)
        items_alone += covers(bootstrap_mean(values_SI.mean(axis=0), draw), 0)
    assert both / 80 >= 0.85
    assert items_alone < both - 8


def test_labels_that_do_not_fit_the_values_are_refused() -> None:
    with pytest.raises(ValueError, match="2 cluster labels for 3 units"):
        bootstrap_mean([1, 2, 3], rng(), clusters=["a", "b"])
    with pytest.raises(ValueError, match="paired values differ in shape"):
        paired_difference([1, 2], [1, 2, 3], rng())


def test_nothing_has_no_mean() -> None:
    with pytest.raises(FolkmootError, match="no values to take a mean of"):
        bootstrap_mean([], rng())
    with pytest.raises(FolkmootError, match="no values"):
        paired_difference([], [], rng())


def test_no_units_have_no_mean_over_seeds_either() -> None:
    with pytest.raises(FolkmootError, match="no values to take a mean of"):
        two_way_mean(np.zeros((3, 0)), rng())


# ------------------------------------------------------------------ algebra


@quick
@given(values, st.floats(-10, 10), st.floats(0.1, 10))
def test_intervals_move_and_stretch_with_their_values(x: list[float], shift: float, scale: float) -> None:
    plain, moved = bootstrap_mean(x, rng()), bootstrap_mean(scale * np.array(x) + shift, rng())
    assert moved.value == pytest.approx(scale * plain.value + shift, abs=1e-6)
    assert moved.ci == pytest.approx(tuple(scale * c + shift for c in plain.ci), abs=1e-6)


@quick
@given(values, st.data())
def test_an_interval_lies_within_the_range_of_its_values(x: list[float], data: st.DataObject) -> None:
    labels = data.draw(st.lists(st.integers(0, 5), min_size=len(x), max_size=len(x)))
    estimate = bootstrap_mean(x, rng(), clusters=labels)
    assert min(x) - 1e-9 <= estimate.ci[0] <= estimate.ci[1] <= max(x) + 1e-9
    assert estimate.n == len(set(labels))


@quick
@given(values)
def test_swapping_the_sides_of_a_difference_turns_its_sign(x: list[float]) -> None:
    there, back = paired_difference(x, [0.0] * len(x), rng()), paired_difference([0.0] * len(x), x, rng())
    assert back.value == pytest.approx(-there.value)
    assert back.ci == pytest.approx((-there.ci[1], -there.ci[0]), abs=1e-9)


def test_the_same_generator_gives_the_same_interval() -> None:
    x = rng(3).normal(size=25)
    assert bootstrap_mean(x, rng(5)) == bootstrap_mean(x, rng(5))
    assert bootstrap_mean(x, rng(5)) != bootstrap_mean(x, rng(6))


@pytest.mark.parametrize(
    ("ci", "excludes"),
    [((0.1, 0.2), True), ((-0.2, -0.1), True), ((-0.1, 0.1), False), ((0.0, 0.1), False), ((-0.1, 0.0), False)],
)
def test_an_interval_that_touches_zero_does_not_exclude_it(ci: tuple[float, float], excludes: bool) -> None:
    assert excludes_zero(Estimate(sum(ci) / 2, ci, 10)) is excludes


# ------------------------------------------------------------------ proportions


@pytest.mark.parametrize("n", [1, 2, 30, 100_000])
def test_none_and_all_reach_their_end_and_no_further(n: int) -> None:
    none, every = proportion(0, n), proportion(n, n)
    assert (none.value, none.ci[0], every.value, every.ci[1]) == (0.0, 0.0, 1.0, 1.0)
    assert 0 < none.ci[1] < 1
    assert 0 < every.ci[0] < 1
    assert none.n == every.n == n


def test_jeffreys_intervals_are_those_of_the_literature() -> None:
    # 0 of 20: the 97.5% point of Beta(0.5, 20.5); 10 of 20: Beta(10.5, 10.5)
    assert proportion(0, 20).ci[1] == pytest.approx(0.1170, abs=5e-4)
    assert proportion(10, 20).ci == pytest.approx((0.2938, 0.7062), abs=5e-4)


@pytest.mark.parametrize("n", [0, -1])
def test_a_proportion_of_nothing_is_refused(n: int) -> None:
    with pytest.raises(FolkmootError, match="a proportion of nothing"):
        proportion(0, n)


@settings(deadline=None)
@given(st.integers(1, 500), st.data())
def test_proportions_mirror_grow_and_lie_in_their_interval(n: int, data: st.DataObject) -> None:
    k = data.draw(st.integers(0, n - 1))
    one, more, mirrored = proportion(k, n), proportion(k + 1, n), proportion(n - k, n)
    assert 0 <= one.ci[0] <= one.value <= one.ci[1] <= 1
    assert one.ci[0] <= more.ci[0]
    assert one.ci[1] <= more.ci[1]
    assert mirrored.ci == pytest.approx((1 - one.ci[1], 1 - one.ci[0]), abs=1e-9)


# ------------------------------------------------------------------ ratios


@pytest.mark.parametrize("bottom", [[-1, 1] * 10, [0] * 20, [0, 0, 0, 1], [-3, 1, 1, 1.5]])
def test_a_ratio_is_refused_where_the_denominator_may_be_zero(bottom: list[float]) -> None:
    with pytest.raises(FolkmootError, match=r"refused: its denominator is .* with an interval .* that includes 0") as e:
        ratio([1] * len(bottom), bottom, rng())
    assert "report the difference instead" in e.value.do


def test_a_ratio_of_proportional_values_is_exact() -> None:
    bottom = rng(1).uniform(1, 2, 30)
    for sign in (1, -1):
        estimate = ratio(0.3 * bottom, sign * bottom, rng())
        assert estimate.value == pytest.approx(sign * 0.3)
        assert estimate.ci == pytest.approx((sign * 0.3, sign * 0.3))
        assert estimate.n == 30


# ------------------------------------------------------------------ many tests

p_values = st.lists(st.floats(0, 1), min_size=1, max_size=30)


@given(p_values)
def test_adjusted_p_values_keep_the_order_and_are_no_smaller(p: list[float]) -> None:
    adjusted = benjamini_hochberg(p)
    assert np.all(adjusted >= np.array(p) - 1e-12)
    assert np.all(adjusted <= 1)
    order = np.argsort(p, kind="stable")
    assert np.all(np.diff(adjusted[order]) >= -1e-12)


@given(p_values, st.data())
def test_adjusted_p_values_are_monotone_in_every_p_value(p: list[float], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(p) - 1))
    raised = [*p[:at], data.draw(st.floats(p[at], 1)), *p[at + 1 :]]
    assert np.all(benjamini_hochberg(raised) >= benjamini_hochberg(p) - 1e-12)


def test_adjusted_p_values_are_those_of_procedure_1() -> None:
    p = [0.01, 0.04, 0.03, 0.5]
    assert benjamini_hochberg(p) == pytest.approx([0.04, 0.16 / 3, 0.16 / 3, 0.5])
    assert benjamini_hochberg([0.2]) == pytest.approx([0.2])


def test_what_is_no_probability_is_refused() -> None:
    with pytest.raises(ValueError, match="p"):
        benjamini_hochberg([0.5, 1.5])
