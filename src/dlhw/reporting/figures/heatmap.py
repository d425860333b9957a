"""Heat map: a metric over two swept keys, as a grid of annotated cells."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from dlhw.config.experiment_entries import FigureConfig
from dlhw.reporting.document import Picture
from dlhw.reporting.figures.alt_text import means_in_words, sentence
from dlhw.reporting.figures.figure_data import metric_named
from dlhw.reporting.figures.style import WIDE, WIDTH, draw, new_figure, plain_text
from dlhw.reporting.formatting import mean_text
from dlhw.reporting.metrics import RunMetric
from dlhw.reporting.study import Study
from dlhw.reporting.values import order, text_of

# The largest number of columns or rows with which numbers fit into cells.
MAX_ANNOTATED = 8
MAX_SIDE = 40


def heat_map(study: Study, figure: FigureConfig | None = None, name: str = "heat-map") -> Picture | None:
    """Draw the means of a metric over two swept keys, the first as rows, the second as columns.

    Args:
        study: whose cells are drawn.
        figure: the metric, a title and a description; None: the metric that selects the best cell.
        name: of the figure's files.

    Returns:
        The picture; None unless two keys are swept on a grid.

    Raises:
        RunFolderError: if no run has the figure's metric.
    """
    if len(study.keys) != 2 or not study.metrics:
        return None
    rows, columns = _axis(study, 0), _axis(study, 1)
    metric = study.choice.metric or study.metrics[0]
    title, alt_text = (figure.title, figure.alt) if figure else (None, None)
    if figure and figure.metric:
        metric = metric_named(study, figure.metric)
    means = {index: study.estimate(index, metric).mean for index in range(len(study.cells))}
    if min(len(rows), len(columns)) < 2 or max(len(rows), len(columns)) > MAX_SIDE:
        return None
    if not any(mean is not None for mean in means.values()):
        return None
    below = "" if max(len(rows), len(columns)) > MAX_ANNOTATED else ", below it the standard deviation"
    caption = f"Mean {metric.label} over {study.keys[0]} and {study.keys[1]}{below}."
    if study.choice.best and metric == study.choice.metric:
        caption += " Framed: the best cell" + (", selected by TEST." if study.is_by_test else ".")
    alt = sentence(alt_text, _alt(study, metric))
    return draw(name, sentence(title, caption), alt, lambda: _draw(study, metric, rows, columns))


def _axis(study: Study, key: int) -> list[Any]:
    return sorted({cell.values[key] for cell in study.cells}, key=order)


def _draw(study: Study, metric: RunMetric, rows: Sequence[Any], columns: Sequence[Any]) -> Figure:
    side = (WIDTH - 1.6) / len(columns)
    figure, (axes,) = new_figure(1.1 + len(rows) * min(0.95, max(0.3, side * 0.7)))
    grid = np.full((len(rows), len(columns)), np.nan)
    for index, cell in enumerate(study.cells):
        mean = study.estimate(index, metric).mean
        grid[rows.index(cell.values[0]), columns.index(cell.values[1])] = np.nan if mean is None else mean
    name = "viridis" if metric.is_higher_better else "viridis_r"
    image = axes.imshow(np.ma.masked_invalid(grid), cmap=name, norm=_norm(grid), aspect="auto")
    bar = figure.colorbar(image, ax=axes, pad=0.02, fraction=0.06)
    bar.set_label(metric.label)
    bar.outline.set_visible(False)
    _label_axes(axes, study, rows, columns)
    _annotate(axes, study, metric, (rows, columns), image)
    return figure


def _norm(grid: np.ndarray) -> Normalize:
    low, high = float(np.nanmin(grid)), float(np.nanmax(grid))
    return LogNorm(low, high) if low > 0 and high / low > WIDE else Normalize(low, high)


def _label_axes(axes: Axes, study: Study, rows: Sequence[Any], columns: Sequence[Any]) -> None:
    axes.set_yticks(range(len(rows)), [plain_text(text_of(value)) for value in rows])
    is_long = sum(len(text_of(value)) + 2 for value in columns) > 60
    axes.set_xticks(
        range(len(columns)), [plain_text(text_of(value)) for value in columns], rotation=90 if is_long else 0
    )
    axes.set_ylabel(plain_text(study.keys[0]))
    axes.set_xlabel(plain_text(study.keys[1]))
    axes.grid(visible=False)
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _annotate(
    axes: Axes, study: Study, metric: RunMetric, sides: tuple[Sequence[Any], Sequence[Any]], image: Any
) -> None:
    is_small = max(map(len, sides)) > MAX_ANNOTATED
    for index, cell in enumerate(study.cells):
        y, x = (side.index(value) for side, value in zip(sides, cell.values, strict=True))
        estimate = study.estimate(index, metric)
        text = mean_text(estimate, metric).replace(" ± ", "\n±")
        if estimate.mean is None:
            axes.add_patch(
                Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor="#f2f2f2", edgecolor="#bbbbbb", hatch="//")
            )
            text = "diverged" if cell.ended("diverged") else "none"
        elif cell.ended("diverged"):
            text += f"\n{len(cell.ended('diverged'))} diverged"
        if index in study.choice.best and metric == study.choice.metric:
            axes.add_patch(
                Rectangle((x - 0.47, y - 0.47), 0.94, 0.94, fill=False, edgecolor="black", linewidth=2.2)
            )
        if not is_small:
            tint = "black" if estimate.mean is None else _ink(image, estimate.mean)
            size = 9 if len(sides[1]) <= 5 else 7
            axes.text(x, y, text, ha="center", va="center", fontsize=size, color=tint, linespacing=1.3)


def _ink(image: Any, value: float) -> str:
    """The color of text: black on light cells, white on dark ones."""
    red, green, blue, _ = image.cmap(image.norm(value))
    return "black" if 0.299 * red + 0.587 * green + 0.114 * blue > 0.55 else "white"


def _alt(study: Study, metric: RunMetric) -> str:
    what = f"mean {metric.label} over {study.keys[0]} and {study.keys[1]}"
    return f"Heat map of {what}. {means_in_words(study, metric)}."
