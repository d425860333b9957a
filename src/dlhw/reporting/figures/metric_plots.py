"""A metric against the one swept key, and a metric against another."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import ScaledTranslation

from dlhw.config.experiment_entries import FigureConfig
from dlhw.errors import RunFolderError
from dlhw.reporting.document import Picture
from dlhw.reporting.figures.alt_text import capital, means_in_words, sentence
from dlhw.reporting.figures.figure_data import grouped, metric_named, values_of
from dlhw.reporting.figures.lines_by_key import MARKERS
from dlhw.reporting.figures.style import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    colors,
    draw,
    error_bars,
    new_figure,
    plain_text,
    scale_log,
    scale_loss,
    scale_x,
)
from dlhw.reporting.formatting import format_number, many
from dlhw.reporting.metrics import RunMetric
from dlhw.reporting.study import Study
from dlhw.reporting.values import is_number, text_of

# Color, marker and line style of each split.
LOOKS = {"val": (BLUE, "o", "-"), "train": (ORANGE, "s", "--"), "test": (GREEN, "^", ":")}
OTHER_LOOKS = (GREY, "D", "-")
# Distance between the metrics of one cell, in points.
APART = 7.0
# The labels of more options than this would overlap.
MAX_NAMES = 12
# The largest number of points that a description lists.
FEW = 12
Points = list[tuple[float, float]]


def metric_by_key(study: Study) -> Picture | None:
    """Draw the metrics of one kind against the swept values; None unless exactly one key is swept."""
    metrics = _measured_metrics(study)
    if len(study.keys) != 1 or len(study.cells) < 2 or not metrics:
        return None
    if not _is_numeric(study) and len(study.cells) > MAX_NAMES:
        return None
    kind = metrics[0].kind
    has_bars = any(
        study.estimates[index, metric].low is not None
        for index in range(len(study.cells))
        for metric in metrics
    )
    bars = ", bars of the 95 % interval of the mean" if has_bars else ""
    caption = f"{kind.capitalize()} against {study.keys[0]}: means{bars}, one dot per run."
    if study.choice.best and study.choice.metric in metrics:
        caption += " Ringed: the best cell" + (", selected by TEST." if study.is_by_test else ".")
    return draw("metric-by-key", caption, _by_key_alt(study, metrics), lambda: _draw_by_key(study, metrics))


def _measured_metrics(study: Study) -> list[RunMetric]:
    """The metrics of the table that some run has, of the same kind as the first."""
    measured = [
        metric
        for metric in study.metrics
        if any(study.estimates[index, metric].n for index in range(len(study.cells)))
    ]
    return [metric for metric in measured if metric.kind == measured[0].kind]


def _is_numeric(study: Study) -> bool:
    return all(is_number(cell.values[0]) for cell in study.cells)


def _abscissas(study: Study) -> list[float]:
    """The abscissa of each cell: its value, or its index if the values are names."""
    if _is_numeric(study):
        return [float(cell.values[0]) for cell in study.cells]
    return [float(index) for index in range(len(study.cells))]


def _draw_by_key(study: Study, metrics: Sequence[RunMetric]) -> Figure:
    figure, (axes,) = new_figure(3.6)
    xs = _abscissas(study)
    apart = APART if len(xs) <= MAX_NAMES else 0.0
    for number, metric in enumerate(metrics):
        aside = apart * (number - (len(metrics) - 1) / 2)
        _draw_metric(axes, study, metric, xs, aside)
    if _is_numeric(study):
        scale_x(axes, xs)
    else:
        axes.set_xticks(xs, [plain_text(text_of(cell.values[0])) for cell in study.cells])
        axes.margins(x=0.15)
    if metrics[0].kind == "loss":
        scale_loss(
            axes,
            [value for cell in study.cells for metric in metrics for value in metric.values(cell.counted)],
        )
    _mark_diverged(axes, study, xs)
    axes.set_xlabel(plain_text(study.keys[0]))
    axes.set_ylabel(metrics[0].kind)
    figure.legend(loc="outside lower center", ncols=min(3, len(metrics)))
    return figure


def _draw_metric(axes: Axes, study: Study, metric: RunMetric, xs: Sequence[float], aside: float) -> None:
    """Draw mean, bar and dots, shifted by `aside` points so that the metrics do not overlap."""
    tint, marker, style = LOOKS.get(metric.split, OTHER_LOOKS)
    shift = axes.transData + ScaledTranslation(aside / 72, 0, axes.figure.dpi_scale_trans)
    known = [index for index in range(len(xs)) if study.estimates[index, metric].mean is not None]
    means = [study.estimates[index, metric].mean or 0.0 for index in known]
    ends = [study.estimates[index, metric].ends for index in known]
    dots = [(xs[index], value) for index in known for value in metric.values(study.cells[index].counted)]
    # Shifted artists do not extend the limits of the axes: invisible unshifted points do, one per cell.
    corners = [(xs[index], end) for index, pair in zip(known, ends, strict=True) for end in pair]
    axes.plot(*zip(*dots, *corners, *((x, means[0]) for x in xs), strict=True), linestyle="none")
    axes.errorbar(
        [xs[index] for index in known], means, yerr=error_bars(means, ends), color=tint, marker=marker,
        markersize=5, capsize=3, linestyle=style if _is_numeric(study) else "none",
        label=_metric_label(metric), transform=shift,
    )  # fmt: skip
    looks: Any = {"color": tint, "marker": ".", "markersize": 5, "alpha": 0.4, "markeredgewidth": 0}
    axes.plot(*zip(*dots, strict=True), linestyle="none", transform=shift, **looks)
    best = [(xs[index], study.estimates[index, metric].mean) for index in study.choice.best]
    if best and metric == study.choice.metric:
        ring: Any = {"marker": "o", "markersize": 12, "fillstyle": "none", "color": "black"}
        axes.plot(*zip(*best, strict=True), linestyle="none", transform=shift, **ring)


def _metric_label(metric: RunMetric) -> str:
    """The label without the kind, which is the label of the axis."""
    return metric.label.replace(f" {metric.kind}", "") if metric.split else metric.label


def _mark_diverged(axes: Axes, study: Study, xs: Sequence[float]) -> None:
    for x, cell in zip(xs, study.cells, strict=True):
        runs = len(cell.ended("diverged"))
        if runs:
            note = "diverged" if runs == len(cell.runs) else f"{runs} of {len(cell.runs)} diverged"
            axes.axvline(x, color=GREY, linewidth=0.8, linestyle=":")
            axes.text(
                x, 0.5, note, transform=axes.get_xaxis_transform(), rotation=90, va="center", ha="right",
                color=GREY, fontsize=9,
            )  # fmt: skip


def _by_key_alt(study: Study, metrics: Sequence[RunMetric]) -> str:
    metric = study.choice.metric if study.choice.metric in metrics else metrics[0]
    assert metric is not None
    what = f"{metrics[0].kind} against {study.keys[0]}"
    return f"Chart of {what}. {metric.label.capitalize()}: {means_in_words(study, metric)}."


def scatter(study: Study, figure: FigureConfig, name: str) -> Picture:
    """Draw a figure of kind `scatter`.

    Raises:
        RunFolderError: if no run has both metrics, or the runs lack the key.
    """
    x, y = metric_named(study, figure.x), metric_named(study, figure.y)
    groups = _point_groups(study, figure.group, x, y)
    points = [point for _, group in groups for point in group]
    if not points:
        raise RunFolderError(f"no run has both {x.name} and {y.name}")
    by = f", by {figure.group}" if figure.group else ""
    caption = f"{capital(y.label)} against {x.label}{by}: one point per run, {many(len(points), 'run')}"
    return draw(
        name,
        sentence(figure.title, caption),
        sentence(figure.alt, f"Scatter chart of {y.label} against {x.label}. {_scatter_alt(points, x, y)}"),
        lambda: _draw_scatter(groups, x, y, figure),
    )


def _point_groups(study: Study, key: str | None, x: RunMetric, y: RunMetric) -> list[tuple[Any, Points]]:
    """Each value of the key with its points; all points if there is no key."""
    values = values_of(study, key) if key else [None] * len(study.cells)
    return [(value, _points(study, indices, x, y)) for value, indices in grouped(values)]


def _points(study: Study, indices: Sequence[int], x: RunMetric, y: RunMetric) -> Points:
    pairs = [(x.value(run), y.value(run)) for index in indices for run in study.cells[index].counted]
    return [(a, b) for a, b in pairs if a is not None and b is not None]


def _draw_scatter(
    groups: Sequence[tuple[Any, Points]], x: RunMetric, y: RunMetric, figure: FigureConfig
) -> Figure:
    drawing, (axes,) = new_figure(3.4 + (0.3 + 0.2 * (len(groups) // 5) if figure.group else 0))
    tints = colors([(value,) for value, _ in groups]) if figure.group else [BLUE]
    for index, ((value, points), tint) in enumerate(zip(groups, tints, strict=True)):
        if points:
            axes.plot(
                *zip(*points, strict=True), linestyle="none", marker=MARKERS[index % len(MARKERS)],
                markersize=6, color=tint, alpha=0.75, markeredgewidth=0, label=plain_text(text_of(value)),
            )  # fmt: skip
    axes.set_xlabel(plain_text(x.label))
    axes.set_ylabel(plain_text(y.label))
    everything = [point for _, points in groups for point in points]
    for side, is_log, values in zip(
        "xy", (figure.log_x, figure.log_y), zip(*everything, strict=True), strict=True
    ):
        if is_log and min(values) > 0:
            scale_log(axes, side, values)
    if figure.group:
        drawing.legend(loc="outside lower center", ncols=min(5, len(groups)), title=plain_text(figure.group))
    return drawing


def _scatter_alt(points: Points, x: RunMetric, y: RunMetric) -> str:
    if len(points) <= FEW:
        pairs = "; ".join(f"{format_number(a)}: {format_number(b)}" for a, b in sorted(points))
        return f"{capital(x.label)}: {y.label}: {pairs}"
    (xs, ys), least = zip(*points, strict=True), min(points)
    return (
        f"{capital(x.label)} from {format_number(min(xs))} to {format_number(max(xs))}, {y.label} from "
        f"{format_number(min(ys))} to {format_number(max(ys))}; "
        f"at the smallest {x.label} {format_number(least[1])}"
    )
