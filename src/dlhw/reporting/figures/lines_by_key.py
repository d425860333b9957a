"""A metric against a key, one line per value of another key, with curves known in closed form."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import nan
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dlhw.config.data import DataConfig
from dlhw.config.experiment_entries import FigureConfig, Theory
from dlhw.errors import RunFolderError
from dlhw.reporting.cells import Cell
from dlhw.reporting.document import Picture
from dlhw.reporting.figures.alt_text import capital, means_in_words, sentence
from dlhw.reporting.figures.figure_data import grouped, metric_named, numbers_of, values_of
from dlhw.reporting.figures.style import (
    BLUE,
    GREY,
    colors,
    draw,
    error_bars,
    new_figure,
    plain_text,
    scale_log,
    scale_loss,
    scale_x,
)
from dlhw.reporting.metrics import RunMetric
from dlhw.reporting.statistics import MeanEstimate
from dlhw.reporting.study import Study
from dlhw.reporting.values import text_of

POINTS = 400
# The curve has a gap near n = d, where it is far above all measured values.
GAP = 0.02
# Loss -> its value in units of ½ mean (f − y)².
HALVES = {"auto": 2.0, "squared_error": 2.0, "half_squared_error": 1.0, "quarter_squared_error": 0.5}
SAMPLES = "data.num_train"
OWN_FILES = [name for name, schema in DataConfig.options.items() if schema.is_own]
MARKERS = "os^Dv<>PXd"
# Margin above and below the measured values, as a share of their range.
MARGIN = 0.08
# Label of a line -> (x, mean with interval) of each of its points, ordered by x.
Lines = Mapping[str, list[tuple[float, MeanEstimate]]]


@dataclass(frozen=True)
class TheoryCurve:
    """A curve that is known in closed form; NaN in its gaps."""

    label: str
    x: list[float]
    y: list[float]


def double_descent(n: float, d: int, beta_squared: float, sigma: float) -> float:
    """Expected validation loss of the minimum-norm least-squares solution for Gaussian inputs.

        ½ [|β|² (1 − n/d) + σ² (1 + n/(d − n − 1))]    for n < d − 1
        ½ σ² (1 + d/(n − d − 1))                       for n > d + 1

    The loss is ½ mean (f − y)² with noisy y. Between these ranges of n the expectation is infinite (NaN).

    >>> double_descent(250, 500, 1, 0), double_descent(1001, 500, 1, 1), double_descent(500, 500, 1, 1)
    (0.25, 1.0, nan)

    Args:
        n: training samples.
        d: inputs, each N(0, 1).
        beta_squared: squared norm |β|² of the teacher's coefficients.
        sigma: standard deviation of the noise on y.

    Source: Belkin, Hsu and Xu, "Two models of double descent for weak features" (2020); Hastie, Montanari,
    Rosset and Tibshirani, "Surprises in high-dimensional ridgeless least squares interpolation" (2022).
    """
    if n < d - 1:
        return 0.5 * (beta_squared * (1 - n / d) + sigma**2 * (1 + n / (d - n - 1)))
    if n > d + 1:
        return 0.5 * sigma**2 * (1 + d / (n - d - 1))
    return nan


def theory_curve(theory: Theory, study: Study, key: str, values: Sequence[float]) -> TheoryCurve | None:
    """The theoretical curve for the data of a study, over the range of the swept values.

    Args:
        theory: the curve.
        study: its runs; they determine dimension, teacher and noise.
        key: swept key on the x axis.
        values: its values.

    Returns:
        The curve; None for data from files, whose teacher and noise are unknown.

    Raises:
        RunFolderError: if the curve is not defined for these runs.
    """
    assert theory is Theory.double_descent
    if key != SAMPLES:
        raise RunFolderError(f"theory={theory} is a curve over {SAMPLES}, got x={key}")
    run = study.cells[0].runs[0]
    if run.get("data.name") in OWN_FILES:
        return None
    if run.get("data.name") != "linear_teacher" or run.get("loss") not in HALVES:
        raise RunFolderError(f"theory={theory} is known for data=linear_teacher and squared losses only")
    d, scale, sigma = int(run["data.dim"]), HALVES[run["loss"]], float(run["data.noise"])
    xs = [float(x) for x in np.linspace(min(values), max(values), POINTS)]
    losses = [scale * double_descent(x, d, _squared_norm(run), sigma) for x in xs]
    ys = [nan if abs(x / d - 1) < GAP else y for x, y in zip(xs, losses, strict=True)]
    return TheoryCurve("theory", xs, ys)


def _squared_norm(run: Mapping[str, Any]) -> float:
    """|β|² of the teacher; its expectation for a random teacher."""
    return float(run["data.num_ones"]) if run.get("data.teacher") == "sparse" else 1.0


def lines_by_key(study: Study, figure: FigureConfig, name: str) -> Picture:
    """Draw a figure of kind `against`.

    The runs of cells with the same abscissa and line are averaged.

    Raises:
        RunFolderError: if the runs lack the metric or a key, or the values of the key are not numbers.
    """
    metric, key = metric_named(study, figure.metric), figure.x or _only_key(study, figure)
    lines = _lines(study, metric, key, figure.group)
    xs = sorted({x for points in lines.values() for x, _ in points})
    theory = None if figure.theory is None else theory_curve(figure.theory, study, key, xs)
    by = f" by {figure.group}" if figure.group else ""
    has_bars = any(point.low is not None for points in lines.values() for _, point in points)
    bars = ", bars of the 95 % interval of the mean over seeds" if has_bars else ""
    caption = f"{capital(metric.label)} against {key}{by}: means{bars}"
    if theory is not None:
        caption += "; dashed: theory"
    chart = f"Line chart of {metric.label} against {key}{by}. {means_in_words(study, metric)}"
    return draw(
        name,
        sentence(figure.title, caption),
        sentence(figure.alt, chart),
        lambda: _draw_lines(lines, metric, key, figure, theory),
    )


def _only_key(study: Study, figure: FigureConfig) -> str:
    keys = [key for key in study.keys if key != figure.group]
    if len(keys) != 1:
        raise RunFolderError(f"x must name a key of {', '.join(study.keys) or 'the runs'}")
    return keys[0]


def _lines(study: Study, metric: RunMetric, key: str, group: str | None) -> Lines:
    xs = numbers_of(study, key)
    names = [text_of(value) for value in values_of(study, group)] if group else [""] * len(xs)
    order = [text_of(value) for value, _ in grouped(values_of(study, group))] if group else [""]
    lines: dict[str, list[tuple[float, MeanEstimate]]] = {}
    for name in order:
        cells = [cell for cell, own_name in zip(study.cells, names, strict=True) if own_name == name]
        abscissas = [x for x, own_name in zip(xs, names, strict=True) if own_name == name]
        points = [
            (x, _estimate([cells[index] for index in indices], metric)) for x, indices in grouped(abscissas)
        ]
        lines[name] = [(x, estimate) for x, estimate in points if estimate.mean is not None]
    return lines


def _estimate(cells: Sequence[Cell], metric: RunMetric) -> MeanEstimate:
    return metric.estimate([run for cell in cells for run in cell.samples])


def _draw_lines(
    lines: Lines, metric: RunMetric, key: str, figure: FigureConfig, theory: TheoryCurve | None
) -> Figure:
    legend_rows = -(-len(lines) // 4) + 1 if figure.group else int(theory is not None)
    drawing, (axes,) = new_figure(3.2 + 0.22 * legend_rows)
    for (name, points), tint, number in zip(lines.items(), _tints(lines), range(len(lines)), strict=True):
        if points:
            _draw_line(axes, name, points, tint, MARKERS[number % len(MARKERS)])
    if theory is not None:
        axes.plot(theory.x, theory.y, "--", color="black", linewidth=1.2, label=theory.label, zorder=1)
    _scale(axes, lines, metric, figure)
    axes.set_xlabel(plain_text(key))
    axes.set_ylabel(plain_text(metric.label))
    if figure.group or theory is not None:
        title = plain_text(figure.group) if figure.group else None
        drawing.legend(loc="outside lower center", ncols=min(4, len(lines) + 1), title=title)
    return drawing


def _tints(lines: Lines) -> list[Any]:
    return [BLUE] if len(lines) == 1 else colors([(_as_number(name),) for name in lines])


def _as_number(text: str) -> object:
    try:
        return float(text)
    except ValueError:
        return text


def _draw_line(
    axes: Axes, name: str, points: Sequence[tuple[float, MeanEstimate]], tint: Any, marker: str
) -> None:
    means = [point.mean or 0.0 for _, point in points]
    bars = error_bars(means, [point.ends for _, point in points])
    axes.errorbar(
        [x for x, _ in points], means, yerr=bars, color=tint, marker=marker, markersize=4.5, capsize=2.5,
        linewidth=1.4, elinewidth=1.0, label=plain_text(name) if name else "measured",
    )  # fmt: skip


def _scale(axes: Axes, lines: Lines, metric: RunMetric, figure: FigureConfig) -> None:
    xs = sorted({x for points in lines.values() for x, _ in points})
    ends = [end for points in lines.values() for _, mean in points for end in mean.ends]
    if figure.log_x and min(xs) > 0:
        scale_log(axes, "x", xs)
    elif figure.theory is None:
        scale_x(axes, xs)
    if figure.log_y and min(ends) > 0:
        scale_log(axes, "y", ends)
    elif metric.kind == "loss":
        scale_loss(axes, ends)
    if figure.theory is not None:
        _limit(axes, min(ends), max(ends))  # the theoretical curve can exceed the measured values by far
    if min(ends) < 0 < max(ends):
        axes.axhline(0, color=GREY, linewidth=0.8)


def _limit(axes: Axes, low: float, high: float) -> None:
    if axes.get_yscale() == "log":
        axes.set_ylim(low / 1.6, high * 1.6)
    else:
        room = MARGIN * (high - low)
        axes.set_ylim(low - room, high + room)
