"""Numbers as one prints them in a table."""

import math

from dlhw.reporting.metrics import Metric
from dlhw.reporting.statistics import Estimate

MINUS = "−"
NONE = "–"
# Between these, four decimals say enough; beyond them a power of ten does.
SMALL, LARGE = 1e-2, 1e5


def number(value: float, scale: float | None = None) -> str:
    """Four decimals without a leading zero, or four digits and a power of ten.

    >>> number(0.92731), number(-1.5), number(2.5e-7), number(0.0)
    ('.9273', '−1.5000', '2.500e-07', '.0000')

    Args:
        value: to print.
        scale: a number of the size that decides, such as the mean beside its std; None: `value` itself.
    """
    size = abs(value if scale is None else scale)
    if not math.isfinite(value):
        return str(value)
    if size and not SMALL <= size < LARGE:
        return f"{value:.3e}".replace("-", MINUS, 1) if value < 0 else f"{value:.3e}"
    text = f"{abs(value):.4f}"
    sign = MINUS if value < 0 and float(text) else ""
    return sign + text.removeprefix("0")


def count(value: float) -> str:
    """A number of epochs, seconds or parameters.

    >>> count(1210.0), count(12.345678), count(4.5)
    ('1,210', '12.35', '4.5')
    """
    if float(value).is_integer():
        return f"{int(value):,}"
    return f"{value:.4g}" if abs(value) < 1e4 else f"{value:,.0f}"


def mean_text(found: Estimate, metric: Metric) -> str:
    """Such as `.9273 ± .0010`; without std for n = 1, a dash without any value."""
    if found.mean is None:
        return NONE
    mean = _one(found.mean, found.mean, metric)
    return mean if found.std is None else f"{mean} ± {_one(found.std, found.mean, metric)}"


def interval_text(found: Estimate, metric: Metric) -> str:
    """Such as `[.9248, .9298]`; empty where there is no interval."""
    if found.mean is None or found.low is None or found.high is None:
        return ""
    return f"[{_one(found.low, found.mean, metric)}, {_one(found.high, found.mean, metric)}]"


def _one(value: float, scale: float, metric: Metric) -> str:
    if metric.kind == "accuracy":
        return number(value, scale=1.0)
    return number(value, scale) if metric.part else count(value)
