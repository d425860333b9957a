"""A metric against another, a point a run."""

from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure

from dlhw.config.experiment_entries import FigureConfig
from dlhw.errors import RunFolderError
from dlhw.reporting.figures.lines import MARKERS
from dlhw.reporting.figures.narrow import capital, grouped, metric_named, sentence, values_of
from dlhw.reporting.figures.scale import scale_log
from dlhw.reporting.figures.style import BLUE, colours, draw, new_figure, plain_text
from dlhw.reporting.metrics import Metric
from dlhw.reporting.numbers import many, number
from dlhw.reporting.picture import Picture
from dlhw.reporting.study import Study
from dlhw.reporting.values import text_of

# So many points are told one by one in the text for those who cannot see them.
FEW = 12
Points = list[tuple[float, float]]


def scatter(study: Study, figure: FigureConfig, name: str) -> Picture:
    """A figure of kind `scatter`.

    Raises:
        RunFolderError: if no run has both metrics, or a key is not one of the runs.
    """
    x, y = metric_named(study, figure.x), metric_named(study, figure.y)
    groups = _groups(study, figure.group, x, y)
    points = [point for _, each in groups for point in each]
    if not points:
        raise RunFolderError(f"no run has both {x.name} and {y.name}")
    by = f", by {figure.group}" if figure.group else ""
    made = f"{capital(y.label)} against {x.label}{by}: a point a run, {many(len(points), 'run')}"
    return draw(
        name,
        sentence(figure.title, made),
        sentence(figure.alt, f"Scatter chart of {y.label} against {x.label}. {_told(points, x, y)}"),
        lambda: _draw(groups, x, y, figure),
    )


def _groups(study: Study, key: str | None, x: Metric, y: Metric) -> list[tuple[Any, Points]]:
    """Value of the key -> its points."""
    values = values_of(study, key) if key else [None] * len(study.cells)
    return [(value, _points(study, places, x, y)) for value, places in grouped(values)]


def _points(study: Study, places: Sequence[int], x: Metric, y: Metric) -> Points:
    pairs = [(x.value(run), y.value(run)) for place in places for run in study.cells[place].counted]
    return [(a, b) for a, b in pairs if a is not None and b is not None]


def _draw(groups: Sequence[tuple[Any, Points]], x: Metric, y: Metric, figure: FigureConfig) -> Figure:
    drawing, (axes,) = new_figure(3.4 + (0.3 + 0.2 * (len(groups) // 5) if figure.group else 0))
    tints = colours([(value,) for value, _ in groups]) if figure.group else [BLUE]
    for place, ((value, points), tint) in enumerate(zip(groups, tints, strict=True)):
        if points:
            axes.plot(
                *zip(*points, strict=True), linestyle="none", marker=MARKERS[place % len(MARKERS)],
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


def _told(points: Points, x: Metric, y: Metric) -> str:
    if len(points) <= FEW:
        pairs = "; ".join(f"{number(a)}: {number(b)}" for a, b in sorted(points))
        return f"{capital(x.label)}: {y.label}: {pairs}"
    (xs, ys), least = zip(*points, strict=True), min(points)
    return (
        f"{capital(x.label)} from {number(min(xs))} to {number(max(xs))}, {y.label} from "
        f"{number(min(ys))} to {number(max(ys))}; at the smallest {x.label} {number(least[1])}"
    )
