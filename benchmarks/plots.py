"""Curves as pictures, in the style of the reports."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator

from benchmarks.report import Curve, Report
from dlhw.files import write_atomic
from dlhw.reporting.figures.style import DISTINCT, draw, new_figure

MARKERS = "os^D"
LARGE_RATIO = 10


def write_plots(reports: Mapping[str, Report], folder: Path) -> None:
    """NAME.png for each curve of the reports."""
    for curve in (curve for report in reports.values() for curve in report.curves):
        write_atomic(folder / f"{curve.name}.png", picture_of(curve))


def picture_of(curve: Curve) -> bytes:
    """The curve as PNG."""
    return draw(curve.name, curve.title, curve.title, lambda: _figure(curve)).png


def _figure(curve: Curve) -> Figure:
    figure, (axes,) = new_figure(height=3.2)
    for place, (side, values) in enumerate(curve.sides.items()):
        axes.plot(curve.x, values, color=DISTINCT[place], marker=MARKERS[place], markersize=5, label=side)
    axes.set_xscale("log")
    _scale_y(axes, [value for values in curve.sides.values() for value in values])
    axes.set_xticks(curve.x, [f"{x:g}" for x in curve.x])
    axes.xaxis.minorticks_off()
    axes.set_xlabel(curve.x_label)
    axes.set_ylabel(curve.y_label)
    axes.legend()
    return figure


def _scale_y(axes: Axes, values: Sequence[float]) -> None:
    """Start at zero, or use a logarithmic scale where a linear one would flatten most of the curve."""
    if max(values) < LARGE_RATIO * min(values):
        axes.set_ylim(0, 1.05 * max(values))
        return
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, place: f"{value:g}"))
    axes.yaxis.minorticks_off()
