"""Numbers as one prints them in a table."""

import math

from dlhw.reporting.metrics import RunMetric
from dlhw.reporting.statistics import MeanEstimate

MINUS = "−"
NONE = "–"
# Below the first, a power of ten says it; up to the second, six decimals; from the third on, a power again.
TINY, SMALL, LARGE = 1e-4, 1e-2, 1e5


def format_number(value: float, scale: float | None = None) -> str:
    """Four or six decimals without a leading zero, or four digits and a power of ten.

    >>> [format_number(value) for value in (0.92731, -1.5, 0.00123, 2.5e-7, 0.0)]
    ['.9273', '−1.5000', '.001230', '2.500e-07', '.0000']

    Args:
        value: to print.
        scale: the size that decides, such as that of the mean beside its std; None: the value's own.
    """
    size = abs(value if scale is None else scale)
    if not math.isfinite(value):
        return str(value)
    power = bool(size) and not TINY <= size < LARGE
    decimals = 3 if power else 4 if size >= SMALL or not size else 6
    text = f"{abs(value):.{decimals}{'e' if power else 'f'}}"
    sign = MINUS if value < 0 and float(text) else ""
    return sign + (text if power else text.removeprefix("0"))


def count(value: float) -> str:
    """A number of epochs, seconds or parameters.

    >>> count(1210.0), count(12.345678), count(4.5)
    ('1,210', '12.35', '4.5')
    """
    if float(value).is_integer():
        return f"{int(value):,}"
    return f"{value:.4g}" if abs(value) < 1e4 else f"{value:,.0f}"


def many(amount: int, noun: str) -> str:
    """An amount with its noun.

    >>> many(1, "run"), many(3, "run")
    ('1 run', '3 runs')
    """
    return f"{amount} {noun}{'' if amount == 1 else 's'}"


def mean_text(found: MeanEstimate, metric: RunMetric) -> str:
    """Such as `.9273 ± .0010`; without std for n = 1, a dash without any value."""
    if found.mean is None:
        return NONE
    mean = _as_precise(found.mean, found, metric)
    return mean if found.std is None else f"{mean} ± {_as_precise(found.std, found, metric)}"


def number_text(value: float, metric: RunMetric, *, sign: bool = False) -> str:
    """One value of a metric, with as many decimals as its mean would have; with a plus if `sign`."""
    text = _as_precise(value, MeanEstimate(1, mean=value), metric)
    text = f"{MINUS}{text[1:]}" if text.startswith("-") else text
    return f"+{text}" if sign and value > 0 else text


def interval_text(found: MeanEstimate, metric: RunMetric) -> str:
    """Such as `[.9248, .9298]`; empty where there is no interval."""
    if found.low is None or found.high is None:
        return ""
    return range_text(found.low, found.high, found, metric)


def range_text(low: float, high: float, found: MeanEstimate, metric: RunMetric) -> str:
    """An interval with as many decimals as an estimate has."""
    return f"[{_as_precise(low, found, metric)}, {_as_precise(high, found, metric)}]"


def quartiles_text(found: MeanEstimate, metric: RunMetric) -> str:
    """Such as `median .9275, IQM .9274`; empty for n < 10."""
    if found.median is None or found.iqm is None:
        return ""
    return f"median {_as_precise(found.median, found, metric)}, IQM {_as_precise(found.iqm, found, metric)}"


def p_text(p: float | None) -> str:
    """A p-value with three decimals.

    >>> p_text(0.0312), p_text(0.00004), p_text(1.0), p_text(None)
    ('.031', '<.001', '1', '–')
    """
    if p is None:
        return NONE
    if p < 0.0005:
        return "<.001"
    return f"{p:.3f}".removeprefix("0") if p < 0.9995 else "1"


def _as_precise(value: float, found: MeanEstimate, metric: RunMetric) -> str:
    """Everything said of one estimate has the same number of decimals."""
    if metric.kind == "accuracy":
        return format_number(value, scale=1.0)
    return format_number(value, max(abs(found.mean or 0), found.std or 0)) if metric.part else count(value)
