"""Evidence of a few runs about bounds: one-sided tests at 5 %, by the 90 % interval of the mean."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

# A 90 % interval inside the bounds is two one-sided tests at 5 % each (TOST).
EQUIVALENCE_CONFIDENCE = 0.90
# Below this number of values an interval still decides, but it is too wide to be worth printing.
MIN_TO_PRINT = 3


class Support(StrEnum):
    """How runs support a statement."""

    shown = "shown"
    not_shown = "not shown"
    contradicted = "contradicted"


# From worst to best.
SEVERITY = (Support.contradicted, Support.not_shown, Support.shown)


@dataclass(frozen=True)
class Bounds:
    """The values that a statement allows.

    Args:
        low: least value.
        high: largest value.
        is_strict: whether the bounds themselves are excluded.
    """

    low: float = -math.inf
    high: float = math.inf
    is_strict: bool = False

    def contain(self, value: float) -> bool:
        return self.low < value < self.high if self.is_strict else self.low <= value <= self.high

    def margin(self, value: float) -> float:
        """Distance to the nearest bound; negative outside."""
        return min(value - self.low, self.high - value)


@dataclass(frozen=True)
class Evidence:
    """The mean of n values against bounds.

    Args:
        n: number of values, one per seed.
        mean: of the values.
        bounds: allowed range of the mean.
        low: lower end of the 90 % interval; None for n = 1.
        high: upper end.
    """

    n: int
    mean: float
    bounds: Bounds
    low: float | None = None
    high: float | None = None

    @property
    def support(self) -> Support:
        """Shown if the interval is inside the bounds, contradicted if it is outside, otherwise not shown.

        For n = 1 the value itself decides.
        """
        low, high = (self.mean if end is None else end for end in (self.low, self.high))
        if self.bounds.contain(low) and self.bounds.contain(high):
            return Support.shown
        is_outside = not (self.bounds.contain(low) or self.bounds.contain(high))
        if is_outside and (high <= self.bounds.low or low >= self.bounds.high):
            return Support.contradicted
        return Support.not_shown

    @property
    def is_printed(self) -> bool:
        """Whether its interval is worth printing."""
        return self.low is not None and self.n >= MIN_TO_PRINT


def evidence(values: Sequence[float], bounds: Bounds) -> Evidence:
    """Compare the mean of a sample with bounds.

        m ± t(0.95, n − 1) · s / √n

    Args:
        values: one per seed, or paired differences.
        bounds: allowed range of the mean.
    """
    n = len(values)
    mean = values[0] + math.fsum(value - values[0] for value in values) / n
    if n == 1:
        return Evidence(1, mean, bounds)
    std = math.hypot(*(value - mean for value in values)) / math.sqrt(n - 1)
    half = _t_quantile(n - 1) * std / math.sqrt(n)
    return Evidence(n, mean, bounds, mean - half, mean + half)


def _t_quantile(degrees: int) -> float:
    from scipy.special import stdtrit  # type: ignore[import-untyped]  # a third of scipy.stats' start-up

    return float(stdtrit(degrees, 0.5 + EQUIVALENCE_CONFIDENCE / 2))


def weakest(comparisons: Sequence[Evidence]) -> Evidence:
    """The comparison that decides: a statement about several means is shown if all comparisons show it."""
    return min(
        comparisons,
        key=lambda comparison: (
            SEVERITY.index(comparison.support),
            comparison.bounds.margin(comparison.mean),
        ),
    )
