"""Means over seeds, and how sure one can be of them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Estimate:
    """The mean of n values and its interval.

    Args:
        n: how many values there are.
        mean: None without any.
        std: of the sample, None for n < 2.
        low: lower end of the 95 % interval of the mean, None for n < 2.
        high: upper end.
    """

    n: int
    mean: float | None = None
    std: float | None = None
    low: float | None = None
    high: float | None = None


def estimate(values: Sequence[float]) -> Estimate:
    """Mean, standard deviation and 95 % interval by Student's t.

        m = Σ xᵢ / n,   s² = Σ (xᵢ − m)² / (n − 1),   m ± t(0.975, n − 1) · s / √n

    Args:
        values: finite numbers, one a seed.

    Returns:
        The estimate; with one value there is a mean but neither std nor interval.
    """
    n = len(values)
    if n == 0:
        return Estimate(0)
    if n == 1:
        return Estimate(1, mean=float(values[0]))
    # The mean of equal values is that value, also where its n-fold sum would round.
    mean = values[0] + math.fsum(value - values[0] for value in values) / n
    # hypot does not overflow where squares of the losses of a run about to diverge would.
    std = math.hypot(*(value - mean for value in values)) / math.sqrt(n - 1)
    half = t_quantile(n - 1) * std / math.sqrt(n)
    return Estimate(n, mean, std, mean - half, mean + half)


def t_quantile(degrees: int) -> float:
    """Student's t at 0.975: 95 % of it lies within ± this."""
    from scipy.special import stdtrit  # type: ignore[import-untyped]  # a third of scipy.stats' start-up

    return float(stdtrit(degrees, 0.5 + CONFIDENCE / 2))


@dataclass(frozen=True)
class Difference:
    """Paired differences of a cell from the baseline.

    Args:
        estimate: of the differences; its n is the number of pairs.
        verdict: what may be concluded, in words.
    """

    estimate: Estimate
    verdict: str


def difference(pairs: Sequence[tuple[float, float]]) -> Difference:
    """Mean and 95 % t interval of the differences `value − baseline` over pairs that share a seed.

    The verdict is "not distinguishable" where the interval covers 0, and "no pairs" for fewer than two.
    """
    found = estimate([value - base for value, base in pairs])
    if found.n < 2:
        return Difference(Estimate(found.n), "no pairs")
    assert found.mean is not None
    assert found.low is not None
    assert found.high is not None
    if found.low <= 0 <= found.high:
        return Difference(found, "not distinguishable")
    if found.std == 0:
        # An interval of no width claims more than so few equal numbers can.
        return Difference(found, f"the same in all {found.n} pairs")
    return Difference(found, "higher" if found.mean > 0 else "lower")
