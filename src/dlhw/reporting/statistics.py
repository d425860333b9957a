"""Means over seeds, their intervals, and paired differences."""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeVar

CONFIDENCE = 0.95
LEVEL = 1 - CONFIDENCE
# Below this number of values no interval: that of two values (t = 12.7) is too wide to say anything.
MIN_FOR_INTERVAL = 3
# Quartiles of fewer values would be single values: no median and interquartile mean below this number.
MIN_FOR_QUARTILES = 10
Key = TypeVar("Key", bound=Hashable)


class Scale(StrEnum):
    """The range of a quantity, which determines the scale on which its interval is computed."""

    linear = "linear"  # any number: t interval of the mean
    proportion = "proportion"  # 0 to 1, such as an accuracy: on the logit scale
    positive = "positive"  # positive and often heavy-tailed, such as a loss: on the log scale


@dataclass(frozen=True)
class MeanEstimate:
    """The mean of n values and its 95 % interval.

    Args:
        n: number of values.
        mean: None without values.
        std: standard deviation of the sample; None for n < 2.
        low: lower end of the interval; None for n < 3.
        high: upper end.
        median: None for n < 10.
        iqm: interquartile mean, the mean without the lowest and the highest quarter; None for n < 10.
    """

    n: int
    mean: float | None = None
    std: float | None = None
    low: float | None = None
    high: float | None = None
    median: float | None = None
    iqm: float | None = None

    @property
    def ends(self) -> tuple[float, float]:
        """The ends of the interval; the mean twice if there is no interval. Requires a mean."""
        assert self.mean is not None
        if self.low is None or self.high is None:
            return self.mean, self.mean
        return self.low, self.high


def estimate(values: Sequence[float], scale: Scale = Scale.linear) -> MeanEstimate:
    r"""Mean, standard deviation and 95 % interval of the mean, which stays inside the quantity's range.

        m = Σ xᵢ / n,   s² = Σ (xᵢ − m)² / (n − 1),   h = t(0.975, n − 1) · s / √n

        linear      m ± h
        proportion  expit(logit m ± h / (m (1 − m)))    inside (0, 1)
        positive    m · exp(± h / m)                    above 0

    The last two are t intervals on the transformed scale, with the standard error by the delta method, so
    that every interval contains its mean. Values outside the range are treated as linear.

    Args:
        values: finite numbers, one per seed.
        scale: range of the quantity.

    Returns:
        The estimate; no standard deviation for n < 2 and no interval for n < 3.

    >>> result = estimate([0.97, 0.98, 1.0], Scale.proportion)
    >>> round(result.mean, 4), round(result.low, 4), round(result.high, 4)
    (0.9833, 0.8535, 0.9983)
    """
    n = len(values)
    if n == 0:
        return MeanEstimate(0)
    if n == 1:
        return MeanEstimate(1, mean=float(values[0]))
    # Centred sum: the mean of equal values is exactly that value, even if their sum would be rounded.
    mean = values[0] + math.fsum(value - values[0] for value in values) / n
    # hypot does not overflow, as the squared losses of a run about to diverge would.
    std = math.hypot(*(value - mean for value in values)) / math.sqrt(n - 1)
    low, high = _interval(values, mean, std, scale) if n >= MIN_FOR_INTERVAL else (None, None)
    if n < MIN_FOR_QUARTILES:
        return MeanEstimate(n, mean, std, low, high)
    median, iqm = _trimmed_mean(values, (n - 1) // 2), _trimmed_mean(values, n // 4)
    return MeanEstimate(n, mean, std, low, high, median, iqm)


def _interval(values: Sequence[float], mean: float, std: float, scale: Scale) -> tuple[float, float]:
    half = t_quantile(len(values) - 1) * std / math.sqrt(len(values))
    if std == 0:
        return mean, mean
    if scale is Scale.proportion and min(values) >= 0 and max(values) <= 1 and 0 < mean < 1:
        logit, half = math.log(mean / (1 - mean)), half / (mean * (1 - mean))
        return _expit(logit - half), _expit(logit + half)
    if scale is Scale.positive and min(values) >= 0:
        factor = math.exp(half / mean)
        return mean / factor, mean * factor
    return mean - half, mean + half


def _expit(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x > 0 else math.exp(x) / (1 + math.exp(x))


def _trimmed_mean(values: Sequence[float], cut: int) -> float:
    """Mean without the `cut` lowest and the `cut` highest values."""
    kept = sorted(values)[cut : len(values) - cut]
    return kept[0] + math.fsum(value - kept[0] for value in kept) / len(kept)


def t_quantile(degrees: int) -> float:
    """The 0.975 quantile of Student's t distribution: 95 % of the distribution lies within ± this value."""
    from scipy.special import stdtrit  # type: ignore[import-untyped]  # a third of scipy.stats' start-up

    return float(stdtrit(degrees, 0.5 + CONFIDENCE / 2))


@dataclass(frozen=True)
class PairedDifference:
    """Paired differences of a cell from the baseline.

    Args:
        estimate: of the differences; its n is the number of pairs.
        verdict: the conclusion, in words.
        p: two-sided p-value of the paired t test; None without a test.
        adjusted: p with Holm's correction over all comparisons of the table; None before `adjust`.
    """

    estimate: MeanEstimate
    verdict: str
    p: float | None = None
    adjusted: float | None = None


def difference(pairs: Sequence[tuple[float, float]], scale: Scale = Scale.linear) -> PairedDifference:
    """Mean, 95 % t interval and paired t test of the differences `value − baseline`.

    Args:
        pairs: (value, baseline) of runs with the same seed.
        scale: of the values; differences of proportions lie between −1 and 1, and so does their interval.

    Returns:
        The difference. Its verdict is "higher" or "lower" for p ≤ 0.05, "not distinguishable" for p > 0.05,
        and the reason where there is no test: no pairs, fewer than 3, or the same difference in all.
    """
    result = estimate([value - base for value, base in pairs])
    if result.n < MIN_FOR_INTERVAL:
        return PairedDifference(result, f"fewer than {MIN_FOR_INTERVAL} pairs" if result.n else "no pairs")
    assert result.mean is not None
    if result.std == 0 and result.mean:
        # A t test of a few equal numbers has p = 0, which they do not show.
        return PairedDifference(result, f"the same in all {result.n} pairs")
    assert result.low is not None
    assert result.high is not None
    if scale is Scale.proportion:
        result = replace(result, low=max(-1.0, result.low), high=min(1.0, result.high))
    p = _paired_t_test(result)
    return PairedDifference(result, _verdict(result, p), p)


def _paired_t_test(difference: MeanEstimate) -> float:
    from scipy.special import stdtr  # as in `t_quantile`

    assert difference.mean is not None
    if not difference.std:
        return 1.0
    t = -abs(difference.mean) / (difference.std / math.sqrt(difference.n))
    return float(2 * stdtr(difference.n - 1, t))


def _verdict(difference: MeanEstimate, p: float) -> str:
    if p > LEVEL:
        return "not distinguishable"
    return "higher" if (difference.mean or 0) > 0 else "lower"


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down correction of p-values for multiple comparisons.

    The i-th smallest of m p-values is multiplied by m − i + 1, is at least the corrected one before it, and
    at most 1. Claims with a corrected p ≤ 0.05 hold although all were tested together.
    Source: S. Holm, A simple sequentially rejective multiple test procedure, Scand. J. Statist. 6 (1979).

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=lambda index: p_values[index])):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted


def adjust(differences: Mapping[Key, PairedDifference]) -> dict[Key, PairedDifference]:
    """The differences with p-values corrected by Holm over all of them, and the verdicts that follow."""
    tested = {key: difference.p for key, difference in differences.items() if difference.p is not None}
    adjusted = dict(zip(tested, holm(list(tested.values())), strict=True))
    return {
        key: replace(difference, adjusted=adjusted[key], verdict=_verdict(difference.estimate, adjusted[key]))
        if key in adjusted
        else difference
        for key, difference in differences.items()
    }
