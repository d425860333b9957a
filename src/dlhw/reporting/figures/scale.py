"""Which scale an axis should have."""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import FuncFormatter, LogLocator

from dlhw.reporting.values import text_of

# A loss that spans more than this is drawn on a log axis.
WIDE = 30.0
MAX_TICKS = 9
# Ticks nearer than this, in shares of the axis, would write over each other.
APART = 0.075


def scale_of(values: Sequence[float]) -> str:
    """How swept values are spaced: "log", "symlog" (logarithmic, with a 0), or "linear".

    >>> scale_of([0.01, 0.1, 1]), scale_of([0, 1e-3, 1e-2]), scale_of([1, 2, 3]), scale_of([16, 64, 256])
    ('log', 'symlog', 'linear', 'log')
    """
    positive = sorted({value for value in values if value > 0})
    if min(values) < 0 or len(positive) < 2:
        return "linear"
    logs = [math.log(value) for value in positive]
    ratio = positive[-1] / positive[0]
    # Two values tell no spacing; then a wide ratio decides.
    is_log = ratio >= 10 if len(positive) == 2 else ratio >= 4 and _unevenness(logs) < _unevenness(positive)
    return ("symlog" if 0 in values else "log") if is_log else "linear"


def _unevenness(values: Sequence[float]) -> float:
    """Standard deviation of the gaps between values, over their mean."""
    gaps = [after - before for before, after in zip(values, values[1:], strict=False)]
    mean = sum(gaps) / len(gaps)
    return math.sqrt(sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) / mean


def scale_x(axes: Axes, values: Sequence[float]) -> None:
    """Give the x axis its scale, and ticks at the swept values where they have room."""
    scale = scale_of(values)
    if scale == "symlog":
        axes.set_xscale("symlog", linthresh=min(value for value in values if value > 0), linscale=0.5)
    else:
        axes.set_xscale(scale)
    axes.margins(x=0.06)
    if _has_room(values, scale):
        axes.set_xticks(list(values), [text_of(value) for value in values])
        axes.minorticks_off()


def _has_room(values: Sequence[float], scale: str) -> bool:
    if scale == "symlog" or len(values) > MAX_TICKS:
        return scale == "symlog" and len(values) <= MAX_TICKS
    places = sorted(map(math.log, values) if scale == "log" else values)
    span = places[-1] - places[0]
    return all(after - before >= APART * span for before, after in zip(places, places[1:], strict=False))


def scale_loss(axes: Axes, values: Sequence[float]) -> None:
    """A log axis for losses of very different sizes."""
    finite = [value for value in values if math.isfinite(value)]
    if finite and min(finite) > 0 and max(finite) / min(finite) > WIDE:
        axes.set_yscale("log")


def scale_log(axes: Axes, side: str, values: Sequence[float]) -> None:
    """A logarithmic axis, "x" or "y"; its ticks are plain numbers where it spans less than two decades."""
    axis: Axis = axes.xaxis if side == "x" else axes.yaxis
    axes.set(**{f"{side}scale": "log"})
    if max(values) / min(values) < 100:
        axis.set_minor_locator(LogLocator(subs=(2.0, 5.0)))
        axis.set_major_formatter(FuncFormatter(_plain))
        axis.set_minor_formatter(FuncFormatter(_plain))


def _plain(value: float, place: int | None) -> str:
    return f"{value:g}"
