"""How all figures look, which scale an axis has, and how figures become files."""

import io
import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator

from dlhw.display import visible
from dlhw.reporting.document import Picture
from dlhw.reporting.values import is_number, text_of

# In inches: the width of a column of text, so that letters are readable on a phone and in print.
WIDTH = 5.4
DPI = 200
RC: Any = {
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.labelsize": 10,
    "legend.fontsize": 9,
    "legend.title_fontsize": 9,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.6,
    "legend.frameon": False,
    "pdf.fonttype": 42,  # embed fonts as text, as journals require
}
# The colors of Okabe and Ito, which color-blind readers can distinguish, and three more.
DISTINCT = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000",
            "#8C564B", "#7F7F7F", "#6A3D9A")  # fmt: skip
BLUE, ORANGE, GREEN = DISTINCT[0], DISTINCT[1], DISTINCT[2]
GREY = "#777777"
# Losses whose ratio exceeds this are drawn on a logarithmic axis.
WIDE = 30.0
MAX_TICKS = 9
# Labels of ticks nearer than this share of the axis would overlap.
APART = 0.075


def new_figure(height: float, rows: int = 1) -> tuple[Figure, list[Axes]]:
    """A figure with `rows` panels below each other that share the x axis."""
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, 1, sharex=True, squeeze=False)
    return figure, list(axes[:, 0])


def draw(name: str, caption: str, alt: str, make: Callable[[], Figure]) -> Picture:
    """Draw a figure in the style of dlhw and render it; the same figure gives the same bytes."""
    with mpl.rc_context(RC), warnings.catch_warnings():
        # A name can contain a letter that the font lacks.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure = make()
        png, pdf = io.BytesIO(), io.BytesIO()
        figure.savefig(png, format="png", dpi=DPI, metadata={"Software": None})
        figure.savefig(pdf, format="pdf", metadata={"CreationDate": None, "Creator": None, "Producer": None})
    return Picture(name=name, caption=caption, alt=alt, png=png.getvalue(), pdf=pdf.getvalue())


def colors(values: Sequence[tuple[Any, ...]]) -> list[Any]:
    """One color per cell; from a perceptual color map if all values are numbers, which are ordered."""
    if all(is_number(value) for row in values for value in row):
        viridis = mpl.colormaps["viridis"]
        # Its yellow end is hardly visible on white.
        return [viridis(0.88 * index / max(1, len(values) - 1)) for index in range(len(values))]
    return [DISTINCT[index % len(DISTINCT)] for index in range(len(values))]


def error_bars(means: Sequence[float], ends: Sequence[tuple[float, float]]) -> list[list[float]] | None:
    """Lengths of the error bars below and above, as `Axes.errorbar` takes them; None if all are 0."""
    below = [max(0.0, mean - low) for mean, (low, _) in zip(means, ends, strict=True)]
    above = [max(0.0, high - mean) for mean, (_, high) in zip(means, ends, strict=True)]
    return [below, above] if any(below) or any(above) else None


def plain_text(text: str) -> str:
    """Escape the dollar signs that matplotlib would read as mathematics."""
    return visible(text).replace("$", r"\$")


def scale_of(values: Sequence[float]) -> str:
    """The scale that suits swept values: "log", "symlog" (logarithmic with a 0) or "linear".

    >>> scale_of([0.01, 0.1, 1]), scale_of([0, 1e-3, 1e-2]), scale_of([1, 2, 3]), scale_of([16, 64, 256])
    ('log', 'symlog', 'linear', 'log')
    """
    positive = sorted({value for value in values if value > 0})
    if min(values) < 0 or len(positive) < 2:
        return "linear"
    logs = [math.log(value) for value in positive]
    ratio = positive[-1] / positive[0]
    # Two values have no spacing to compare; their ratio decides.
    is_log = ratio >= 10 if len(positive) == 2 else ratio >= 4 and _unevenness(logs) < _unevenness(positive)
    return ("symlog" if 0 in values else "log") if is_log else "linear"


def _unevenness(values: Sequence[float]) -> float:
    """Standard deviation of the gaps between values, divided by their mean."""
    gaps = [after - before for before, after in zip(values, values[1:], strict=False)]
    mean = sum(gaps) / len(gaps)
    return math.sqrt(sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) / mean


def scale_x(axes: Axes, values: Sequence[float]) -> None:
    """Set the scale of the x axis, and ticks at the swept values if their labels fit."""
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
    positions = sorted(map(math.log, values) if scale == "log" else values)
    span = positions[-1] - positions[0]
    return all(
        after - before >= APART * span for before, after in zip(positions, positions[1:], strict=False)
    )


def scale_loss(axes: Axes, values: Sequence[float]) -> None:
    """Use a logarithmic axis if losses span a wide range."""
    finite = [value for value in values if math.isfinite(value)]
    if finite and min(finite) > 0 and max(finite) / min(finite) > WIDE:
        axes.set_yscale("log")


def scale_log(axes: Axes, side: str, values: Sequence[float]) -> None:
    """Make the "x" or "y" axis logarithmic, with plain numbers at ticks if it spans less than two decades."""
    axis: Axis = axes.xaxis if side == "x" else axes.yaxis
    axes.set(**{f"{side}scale": "log"})
    if max(values) / min(values) < 100:
        axis.set_minor_locator(LogLocator(subs=(2.0, 5.0)))
        axis.set_major_formatter(FuncFormatter(_plain))
        axis.set_minor_formatter(FuncFormatter(_plain))


def _plain(value: float, place: int | None) -> str:
    return f"{value:g}"
