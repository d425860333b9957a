"""Means, intervals, paired differences and their tests, and the errors of a test set."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats  # type: ignore[import-untyped]

from dlhw.reporting.sample_comparison import compare_correct, mcnemar, wilson
from dlhw.reporting.statistics import MeanEstimate, Scale, adjust, difference, estimate, holm

# Squares of the smallest floats underflow to 0 in numpy, but not in dlhw.
FINITE = st.floats(-1e6, 1e6).map(lambda value: round(value, 9))


@given(st.lists(FINITE, min_size=3, max_size=9))
def test_agrees_with_numpy_and_scipy(values: list[float]) -> None:
    result = estimate(values)
    std = float(np.std(values, ddof=1))
    scale = max(map(abs, values)) + 1e-300
    assert result.n == len(values)
    assert result.mean == pytest.approx(np.mean(values), rel=1e-12, abs=1e-12 * scale)
    assert result.std == pytest.approx(std, rel=1e-9, abs=1e-12 * scale)
    if std > 1e-9 * scale:
        low, high = stats.t.interval(0.95, len(values) - 1, np.mean(values), stats.sem(values))
        assert result.low == pytest.approx(low, rel=1e-7, abs=1e-9 * scale)
        assert result.high == pytest.approx(high, rel=1e-7, abs=1e-9 * scale)


def test_three_values_by_hand() -> None:
    """Mean 2, s = 1, t(0.975, 2) = 4.302653: half a width of 4.302653/√3."""
    result = estimate([1.0, 2.0, 3.0])
    half = 4.302652729911275 / math.sqrt(3)
    assert (result.mean, result.std) == (2.0, 1.0)
    assert (result.low, result.high) == (pytest.approx(2 - half), pytest.approx(2 + half))


def test_one_value_has_no_interval_and_none_has_nothing() -> None:
    assert estimate([0.5]) == MeanEstimate(1, mean=0.5)
    assert estimate([]) == MeanEstimate(0)


def test_two_values_have_no_interval() -> None:
    assert estimate([1.0, 3.0]) == MeanEstimate(2, 2.0, math.sqrt(2))


@given(st.floats(0, 1), st.integers(3, 9), st.sampled_from(Scale))
def test_equal_values_have_no_spread(value: float, n: int, scale: Scale) -> None:
    assert estimate([value] * n, scale) == MeanEstimate(n, value, 0.0, value, value)


@given(st.lists(st.floats(0, 1), min_size=3, max_size=12))
def test_intervals_of_proportions_stay_within_0_and_1(values: list[float]) -> None:
    result = estimate(values, Scale.proportion)
    assert result.mean is not None
    assert result.low is not None
    assert result.high is not None
    assert -1e-12 <= result.low <= result.mean + 1e-12
    assert result.mean - 1e-12 <= result.high <= 1 + 1e-12


@given(st.lists(st.floats(0, 1e12), min_size=3, max_size=12))
def test_intervals_of_positive_quantities_stay_positive(values: list[float]) -> None:
    result = estimate(values, Scale.positive)
    assert result.mean is not None
    assert result.low is not None
    assert result.high is not None
    assert 0 <= result.low <= result.mean * (1 + 1e-12) <= result.high * (1 + 1e-9)
    assert math.isfinite(result.high)


def test_transformed_intervals_by_hand() -> None:
    """Mean 0.9, s = 0.05: h = 4.302653 · 0.05/√3 = 0.124206 around logit 0.9 = 2.197225 and log 0.9."""
    values, half = [0.85, 0.9, 0.95], 4.302652729911275 * 0.05 / math.sqrt(3)
    accuracy, loss = estimate(values, Scale.proportion), estimate(values, Scale.positive)
    for sign, end in ((-1, accuracy.low), (1, accuracy.high)):
        assert end == pytest.approx(1 / (1 + math.exp(-(math.log(9) + sign * half / 0.09))))
    assert (loss.low, loss.high) == (
        pytest.approx(0.9 * math.exp(-half / 0.9)),
        pytest.approx(0.9 * math.exp(half / 0.9)),
    )


def test_a_narrow_transformed_interval_is_that_of_student() -> None:
    values = [0.5 + 1e-5 * number for number in range(5)]
    for scale in (Scale.proportion, Scale.positive):
        assert estimate(values, scale).high == pytest.approx(estimate(values).high, rel=1e-8)


@pytest.mark.parametrize(
    ("scale", "values"), [("proportion", [0.5, 1.1, 0.9]), ("positive", [-1.0, 2.0, 3.0])]
)
def test_values_outside_the_range_are_linear(scale: str, values: list[float]) -> None:
    assert estimate(values, Scale(scale)) == estimate(values)


def test_transformed_intervals_cover_more_often() -> None:
    """Of 400 samples of 5 values near 1, and of heavy-tailed ones."""
    random = np.random.default_rng(0)
    for scale, mean, samples in (
        (Scale.proportion, 0.98, random.beta(98, 2, (400, 5))),
        (Scale.positive, math.exp(0.5), random.lognormal(0, 1, (400, 5))),
    ):
        covered = {
            kind: sum(_covers(estimate(sample.tolist(), kind), mean) for sample in samples)
            for kind in (scale, Scale.linear)
        }
        assert covered[scale] > covered[Scale.linear]


def _covers(result: MeanEstimate, mean: float) -> bool:
    assert result.low is not None
    assert result.high is not None
    return result.low <= mean <= result.high


@given(st.lists(FINITE, min_size=10, max_size=30))
def test_median_and_interquartile_mean_are_those_of_scipy(values: list[float]) -> None:
    result = estimate(values)
    scale = max(map(abs, values)) + 1e-300
    assert result.median == pytest.approx(np.median(values), rel=1e-12, abs=1e-12 * scale)
    assert result.iqm == pytest.approx(stats.trim_mean(values, 0.25), rel=1e-12, abs=1e-12 * scale)
    assert estimate(values[:9]).median is None


def test_huge_losses_do_not_overflow() -> None:
    assert estimate([1e200, 3e200]).std == pytest.approx(math.sqrt(2) * 1e200)


@given(st.lists(st.tuples(FINITE, FINITE), min_size=3, max_size=10))
def test_differences_are_those_of_a_paired_test(pairs: list[tuple[float, float]]) -> None:
    measured, base = (np.array(side) for side in zip(*pairs, strict=True))
    result = difference(pairs).estimate
    assert result.mean == pytest.approx(float(np.mean(measured - base)), rel=1e-9, abs=1e-6)
    assert result == estimate(list(measured - base))
    spread = float(np.std(measured - base, ddof=1))
    if spread > 1e-6 * (1 + float(np.abs(measured - base).max())):
        interval = stats.ttest_rel(measured, base).confidence_interval(0.95)
        assert result.low == pytest.approx(interval.low, rel=1e-6, abs=1e-6)
        assert result.high == pytest.approx(interval.high, rel=1e-6, abs=1e-6)
        assert difference(pairs).p == pytest.approx(float(stats.ttest_rel(measured, base).pvalue), abs=1e-9)


def test_differences_of_proportions_lie_within_1() -> None:
    result = difference([(1.0, 0.0), (1.0, 0.0), (1.0, 0.9)], Scale.proportion).estimate
    assert (result.low, result.high) == (pytest.approx(0.7 - 4.302652729911275 * 0.3), 1.0)


@pytest.mark.parametrize(
    ("pairs", "verdict"),
    [
        ([], "no pairs"),
        ([(2.0, 1.0)], "fewer than 3 pairs"),
        ([(2.0, 1.0), (3.0, 2.0)], "fewer than 3 pairs"),
        ([(2.0, 1.0), (1.0, 2.0), (3.0, 3.0)], "not distinguishable"),
        ([(1.0, 1.0), (2.0, 2.0), (3.0, 3.0)], "not distinguishable"),
        ([(2.0, 1.0), (3.01, 2.0), (4.0, 3.01)], "higher"),
        ([(1.0, 2.0), (2.0, 3.01), (3.01, 4.0)], "lower"),
        ([(2.0, 1.0), (3.0, 2.0), (4.0, 3.0)], "the same in all 3 pairs"),
    ],
)
def test_verdicts(pairs: list[tuple[float, float]], verdict: str) -> None:
    assert difference(pairs).verdict == verdict


@given(st.lists(st.floats(0, 1), max_size=8))
def test_holm_is_its_definition(p_values: list[float]) -> None:
    """Closed testing: a hypothesis falls when every set that contains it falls by Bonferroni."""
    adjusted = holm(p_values)
    for level in (0.01, 0.05, 0.3):
        rejected: list[int] = []
        for rank, index in enumerate(sorted(range(len(p_values)), key=lambda index: p_values[index])):
            if p_values[index] * (len(p_values) - rank) > level:
                break
            rejected.append(index)
        assert sorted(rejected) == [index for index, p in enumerate(adjusted) if p <= level]
    assert all(p <= q <= 1 for p, q in zip(p_values, adjusted, strict=True))


def test_a_difference_that_is_one_of_many_may_no_longer_count() -> None:
    clear = difference([(2.0, 1.0), (3.01, 2.0), (4.0, 3.01)])
    weak = difference([(1.0, 0.0), (1.4, 0.0), (1.9, 0.0)])
    assert (clear.verdict, weak.verdict) == ("higher", "higher")
    adjusted = adjust({"clear": clear, "weak": weak, "none": difference([])})
    assert {key: result.verdict for key, result in adjusted.items()} == {
        "clear": "higher", "weak": "higher", "none": "no pairs",
    }  # fmt: skip
    several = adjust({"clear": clear, **{number: weak for number in range(3)}})
    assert several[0].verdict == "not distinguishable"
    assert several[0].p == weak.p


@given(st.integers(0, 500), st.integers(1, 500))
def test_wilson_is_that_of_scipy(right: int, more: int) -> None:
    n = right + more
    low, high = wilson(right / n, n)
    interval = stats.binomtest(right, n).proportion_ci(method="wilson")
    assert (low, high) == (pytest.approx(interval.low, abs=1e-12), pytest.approx(interval.high, abs=1e-12))
    assert 0 <= low <= right / n <= high <= 1


@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_lies_between_half_the_exact_p_and_the_exact_p(b: int, c: int) -> None:
    p = mcnemar(b, c)
    exact = stats.binomtest(b, b + c).pvalue if b + c else 1.0
    assert exact / 2 <= p <= exact + 1e-12
    expected = exact - stats.binom.pmf(min(b, c), b + c, 0.5) if b != c else 1.0
    assert p == pytest.approx(expected, abs=1e-12)
    assert mcnemar(c, b) == p


def _correct(*texts: str) -> list[NDArray[np.bool_]]:
    return [np.array([letter == "1" for letter in text]) for text in texts]


def test_two_runs_are_compared_sample_by_sample() -> None:
    first, second = _correct(
        "1" * 60 + "0" * 10 + "1" * 20 + "0" * 10, "1" * 60 + "1" * 10 + "0" * 20 + "0" * 10
    )
    result = compare_correct([(first, second)])
    assert (result.only_first, result.only_second, result.num_samples) == (20, 10, 100)
    assert result.difference == pytest.approx(0.1)
    assert result.p == mcnemar(20, 10)
    # The bootstrap of a mean is nearly normal: 0.1 ± 1.96 · √(0.3 − 0.01)/10.
    assert (result.low, result.high) == (pytest.approx(-0.0055, abs=0.011), pytest.approx(0.2055, abs=0.011))


def test_cells_are_compared_over_their_pairs_of_runs() -> None:
    a, b, c = _correct("11110000" * 20, "11001100" * 20, "11000000" * 20)
    result = compare_correct([(a, c), (b, c)])
    assert (result.num_pairs, result.only_first) == (2, None)
    assert result.difference == pytest.approx(0.25)
    assert result.p == pytest.approx(2 / 10_001)
    assert compare_correct([(a, b), (b, a)]).difference == 0
    assert compare_correct([(a, b), (b, a)]).p == 1.0


def test_the_bootstrap_is_the_same_each_time_and_needs_equal_samples() -> None:
    a, b = _correct("110", "011")
    assert compare_correct([(a, b)]) == compare_correct([(a, b)])
    for pairs in ([], [(a, b[:2])]):
        with pytest.raises(ValueError, match="the same test samples"):
            compare_correct(pairs)
