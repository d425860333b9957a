"""Means, intervals and paired differences."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats  # type: ignore[import-untyped]

from dlhw.reporting.statistics import Estimate, difference, estimate

# Squares of the smallest floats vanish in numpy, though not in ours.
FINITE = st.floats(-1e6, 1e6).map(lambda value: round(value, 9))


@given(st.lists(FINITE, min_size=2, max_size=12))
def test_agrees_with_numpy_and_scipy(values: list[float]) -> None:
    found = estimate(values)
    std = float(np.std(values, ddof=1))
    scale = max(map(abs, values)) + 1e-300
    assert found.n == len(values)
    assert found.mean == pytest.approx(np.mean(values), rel=1e-12, abs=1e-12 * scale)
    assert found.std == pytest.approx(std, rel=1e-9, abs=1e-12 * scale)
    if std > 1e-9 * scale:
        low, high = stats.t.interval(0.95, len(values) - 1, np.mean(values), stats.sem(values))
        assert found.low == pytest.approx(low, rel=1e-7, abs=1e-9 * scale)
        assert found.high == pytest.approx(high, rel=1e-7, abs=1e-9 * scale)


def test_three_values_by_hand() -> None:
    """Mean 2, s = 1, t(0.975, 2) = 4.302653: half a width of 4.302653/√3."""
    found = estimate([1.0, 2.0, 3.0])
    half = 4.302652729911275 / math.sqrt(3)
    assert (found.mean, found.std) == (2.0, 1.0)
    assert (found.low, found.high) == (pytest.approx(2 - half), pytest.approx(2 + half))


def test_one_value_has_no_interval_and_none_has_nothing() -> None:
    assert estimate([0.5]) == Estimate(1, mean=0.5)
    assert estimate([]) == Estimate(0)


@given(FINITE, st.integers(2, 9))
def test_equal_values_have_no_spread(value: float, n: int) -> None:
    assert estimate([value] * n) == Estimate(n, value, 0.0, value, value)


def test_huge_losses_do_not_overflow() -> None:
    assert estimate([1e200, 3e200]).std == pytest.approx(math.sqrt(2) * 1e200)


@given(st.lists(st.tuples(FINITE, FINITE), min_size=2, max_size=10))
def test_differences_are_those_of_a_paired_test(pairs: list[tuple[float, float]]) -> None:
    ours, base = (np.array(side) for side in zip(*pairs, strict=True))
    found = difference(pairs).estimate
    assert found.mean == pytest.approx(float(np.mean(ours - base)), rel=1e-9, abs=1e-6)
    assert found == estimate(list(ours - base))
    spread = float(np.std(ours - base, ddof=1))
    if spread > 1e-6 * (1 + float(np.abs(ours - base).max())):
        interval = stats.ttest_rel(ours, base).confidence_interval(0.95)
        assert found.low == pytest.approx(interval.low, rel=1e-6, abs=1e-6)
        assert found.high == pytest.approx(interval.high, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize(
    ("pairs", "verdict"),
    [
        ([], "no pairs"),
        ([(2.0, 1.0)], "no pairs"),
        ([(2.0, 1.0), (1.0, 2.0)], "not distinguishable"),
        ([(1.0, 1.0), (2.0, 2.0)], "not distinguishable"),
        ([(2.0, 1.0), (3.01, 2.0), (4.0, 3.01)], "higher"),
        ([(1.0, 2.0), (2.0, 3.01), (3.01, 4.0)], "lower"),
        ([(2.0, 1.0), (3.0, 2.0)], "the same in all 2 pairs"),
    ],
)
def test_verdicts(pairs: list[tuple[float, float]], verdict: str) -> None:
    assert difference(pairs).verdict == verdict
