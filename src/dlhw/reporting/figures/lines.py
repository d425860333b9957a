"""A metric against a key: a line for each value of another key, beside what theory says."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dlhw.config.experiment_entries import FigureConfig
from dlhw.errors import RunFolderError
from dlhw.reporting.cells import Cell
from dlhw.reporting.figures.narrow import capital, grouped, metric_named, numbers_of, sentence, values_of
from dlhw.reporting.figures.scale import scale_log, scale_loss, scale_x
from dlhw.reporting.figures.style import BLUE, GREY, colours, draw, error_bars, new_figure, plain_text
from dlhw.reporting.figures.theory import Line, theory_line
from dlhw.reporting.figures.words import means_in_words
from dlhw.reporting.metrics import Metric
from dlhw.reporting.picture import Picture
from dlhw.reporting.statistics import Estimate
from dlhw.reporting.study import Study
from dlhw.reporting.values import text_of

MARKERS = "os^Dv<>PXd"
# Empty above and below the measured values, in shares of the axis.
MARGIN = 0.08
# Label of a line -> (x, mean and range) of each of its points, from left to right.
Lines = Mapping[str, list[tuple[float, Estimate]]]


def lines_by_key(study: Study, figure: FigureConfig, name: str) -> Picture:
    """A figure of kind `against`.

    Cells that share abscissa and line are averaged, each of their runs counting once.

    Raises:
        RunFolderError: if the runs lack the metric or a key, or a key's values are no numbers.
    """
    metric, key = metric_named(study, figure.metric), figure.x or _only_key(study, figure)
    lines = _lines(study, metric, key, figure.group)
    xs = sorted({x for points in lines.values() for x, _ in points})
    theory = None if figure.theory is None else theory_line(figure.theory, study, key, xs)
    by = f" by {figure.group}" if figure.group else ""
    has_bars = any(point.low is not None for points in lines.values() for _, point in points)
    bars = ", bars of the 95 % interval of the mean over seeds" if has_bars else ""
    made = f"{capital(metric.label)} against {key}{by}: means{bars}"
    if theory is not None:
        made += "; dashed: what theory expects"
    chart = f"Line chart of {metric.label} against {key}{by}. {means_in_words(study, metric)}"
    return draw(
        name,
        sentence(figure.title, made),
        sentence(figure.alt, chart),
        lambda: _draw(lines, metric, key, figure, theory),
    )


def _only_key(study: Study, figure: FigureConfig) -> str:
    keys = [key for key in study.keys if key != figure.group]
    if len(keys) != 1:
        raise RunFolderError(f"x must name a key of {', '.join(study.keys) or 'the runs'}")
    return keys[0]


def _lines(study: Study, metric: Metric, key: str, group: str | None) -> Lines:
    xs = numbers_of(study, key)
    names = [text_of(value) for value in values_of(study, group)] if group else [""] * len(xs)
    order = [text_of(value) for value, _ in grouped(values_of(study, group))] if group else [""]
    lines: dict[str, list[tuple[float, Estimate]]] = {}
    for name in order:
        of_line = [place for place, each in enumerate(names) if each == name]
        points = grouped([xs[place] for place in of_line])
        found = [(x, _estimate([study.cells[of_line[at]] for at in places], metric)) for x, places in points]
        lines[name] = [(x, each) for x, each in found if each.mean is not None]
    return lines


def _estimate(cells: Sequence[Cell], metric: Metric) -> Estimate:
    return metric.estimate([run for cell in cells for run in cell.samples])


def _draw(lines: Lines, metric: Metric, key: str, figure: FigureConfig, theory: Line | None) -> Figure:
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
    return [BLUE] if len(lines) == 1 else colours([(_as_number(name),) for name in lines])


def _as_number(text: str) -> object:
    try:
        return float(text)
    except ValueError:
        return text


def _draw_line(
    axes: Axes, name: str, points: Sequence[tuple[float, Estimate]], tint: Any, marker: str
) -> None:
    means = [point.mean or 0.0 for _, point in points]
    bars = error_bars(means, [point.ends for _, point in points])
    axes.errorbar(
        [x for x, _ in points], means, yerr=bars, color=tint, marker=marker, markersize=4.5, capsize=2.5,
        linewidth=1.4, elinewidth=1.0, label=plain_text(name) if name else "measured",
    )  # fmt: skip


def _scale(axes: Axes, lines: Lines, metric: Metric, figure: FigureConfig) -> None:
    xs = sorted({x for points in lines.values() for x, _ in points})
    ends = [end for points in lines.values() for _, each in points for end in each.ends]
    if figure.log_x and min(xs) > 0:
        scale_log(axes, "x", xs)
    elif figure.theory is None:
        scale_x(axes, xs)
    if figure.log_y and min(ends) > 0:
        scale_log(axes, "y", ends)
    elif metric.kind == "loss":
        scale_loss(axes, ends)
    if figure.theory is not None:
        _limit(axes, min(ends), max(ends))  # theory may go far beyond what was measured
    if min(ends) < 0 < max(ends):
        axes.axhline(0, color=GREY, linewidth=0.8)


def _limit(axes: Axes, low: float, high: float) -> None:
    if axes.get_yscale() == "log":
        axes.set_ylim(low / 1.6, high * 1.6)
    else:
        room = MARGIN * (high - low)
        axes.set_ylim(low - room, high + room)
