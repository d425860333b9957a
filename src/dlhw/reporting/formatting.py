"""Numbers as text for tables, captions and figures."""

import math

from dlhw.reporting.metrics import RunMetric
from dlhw.reporting.statistics import MeanEstimate

MINUS = "−"
NONE = "–"
# Scientific notation below TINY and from LARGE on; six decimals below SMALL, otherwise four.
TINY, SMALL, LARGE = 1e-4, 1e-2, 1e5


def format_number(value: float, scale: float | None = None) -> str:
    """A number with four or six decimals and no leading zero, or in scientific notation with four digits.

    >>> [format_number(value) for value in (0.92731, -1.5, 0.00123, 2.5e-7, 0.0)]
    ['.9273', '−1.5000', '.001230', '2.500e-07', '.0000']

    Args:
        value: to print.
        scale: the magnitude that determines the format, such as the mean's for its standard deviation; None:
            the value's own.
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
    """A count or duration, such as epochs, seconds or parameters.

    >>> count(1210.0), count(12.345678), count(4.5)
    ('1,210', '12.35', '4.5')
    """
    if float(value).is_integer():
        return f"{int(value):,}"
    return f"{value:.4g}" if abs(value) < 1e4 else f"{value:,.0f}"


def many(amount: int, noun: str) -> str:
    """A count with its noun, in the plural unless it is 1.

    >>> many(1, "run"), many(3, "run")
    ('1 run', '3 runs')
    """
    return f"{amount} {noun}{'' if amount == 1 else 's'}"


def mean_text(estimate: MeanEstimate, metric: RunMetric) -> str:
    """Mean ± standard deviation, such as `.9273 ± .0010`; the mean alone for n = 1, a dash without values."""
    if estimate.mean is None:
        return NONE
    mean = _as_precise(estimate.mean, estimate, metric)
    return mean if estimate.std is None else f"{mean} ± {_as_precise(estimate.std, estimate, metric)}"


def number_text(value: float, metric: RunMetric, *, sign: bool = False) -> str:
    """One value of a metric, formatted as its mean would be; with a plus sign if `sign`."""
    text = _as_precise(value, MeanEstimate(1, mean=value), metric)
    text = f"{MINUS}{text[1:]}" if text.startswith("-") else text
    return f"+{text}" if sign and value > 0 else text


def interval_text(estimate: MeanEstimate, metric: RunMetric) -> str:
    """The interval of the mean, such as `[.9248, .9298]`; empty without one."""
    if estimate.low is None or estimate.high is None:
        return ""
    return range_text(estimate.low, estimate.high, estimate, metric)


def range_text(low: float, high: float, estimate: MeanEstimate, metric: RunMetric) -> str:
    """An interval with as many decimals as the estimate has."""
    return f"[{_as_precise(low, estimate, metric)}, {_as_precise(high, estimate, metric)}]"


def quartiles_text(estimate: MeanEstimate, metric: RunMetric) -> str:
    """Median and interquartile mean, such as `median .9275, IQM .9274`; empty for n < 10."""
    if estimate.median is None or estimate.iqm is None:
        return ""
    median, iqm = (_as_precise(value, estimate, metric) for value in (estimate.median, estimate.iqm))
    return f"median {median}, IQM {iqm}"


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


def _as_precise(value: float, estimate: MeanEstimate, metric: RunMetric) -> str:
    """A value with as many decimals as the mean of its estimate, so that both can be compared."""
    if metric.kind == "accuracy":
        return format_number(value, scale=1.0)
    return (
        format_number(value, max(abs(estimate.mean or 0), estimate.std or 0))
        if metric.split
        else count(value)
    )
