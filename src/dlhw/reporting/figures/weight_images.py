"""First-layer weights as images: one row per cell, one column per class or unit."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from dlhw.callbacks.drawing import diverging
from dlhw.config.experiment_entries import FigureConfig
from dlhw.errors import RunFolderError, listing
from dlhw.reporting.document import Picture
from dlhw.reporting.figures.alt_text import sentence
from dlhw.reporting.figures.figure_data import SavedParameters, checkpoint_of
from dlhw.reporting.figures.style import WIDTH, draw, plain_text
from dlhw.reporting.formatting import format_number
from dlhw.reporting.study import Study

MAX_ROWS = 6
MAX_COLUMNS = 10
CLASS = "class"


@dataclass(frozen=True)
class WeightRow:
    """First-layer weights of one run.

    Args:
        label: the swept values of its cell.
        images_OHW: one image per output.
    """

    label: str
    images_OHW: np.ndarray

    @property
    def limit(self) -> float:
        """The largest |w|, which is drawn in full color."""
        return float(np.abs(self.images_OHW).max())


def weight_images(study: Study, figure: FigureConfig, name: str) -> Picture:
    """Draw a figure of kind `weights`.

    Raises:
        RunFolderError: if a run has no checkpoint, or its layer does not take single-channel images.
    """
    saved = [(cell.short_label, checkpoint_of(cell)) for cell in study.cells[:MAX_ROWS]]
    rows = [WeightRow(label, _images(parameters, figure)) for label, parameters in saved]
    headings = _headings(saved[0][1], rows[0], figure.columns)
    what = "class" if figure.columns == CLASS else "unit"
    keys = ", ".join(study.keys)
    scales = "; ".join(f"{row.label}: {format_number(row.limit)}" for row in rows)
    left_out = len(study.cells) - len(rows)
    sentences = [
        f"Weights into each {what} as an image: blue negative, white 0, red positive.",
        f"Full color is each row's largest |w|: {scales}.",
        f"From the {saved[0][1].checkpoint} checkpoint of each cell's first seed.",
        f"The first {len(rows)} of {len(study.cells)} cells." if left_out else "",
    ]
    values = listing(row.label for row in rows)
    alt = f"Grid of images, a column for each {what}, a row for each {keys or 'cell'}: {values}"
    return draw(
        name,
        sentence(figure.title, *sentences),
        sentence(figure.alt, alt, f"Largest |w|: {scales}"),
        lambda: _draw(rows, headings, keys),
    )


def _images(saved: SavedParameters, figure: FigureConfig) -> np.ndarray:
    """(O, H, W)"""
    shape = saved.input_shape
    if len(shape) != 3 or shape[0] != 1:
        raise RunFolderError(
            f"weights are drawn for images of one channel, {saved.folder} has inputs of {list(shape)}"
        )
    fitting = {
        key.removesuffix(".weight"): tensor
        for key, tensor in saved.parameters.items()
        if key.endswith(".weight") and tensor.ndim == 2 and tensor.shape[0] == prod(shape)
    }
    layer = figure.layer or next(iter(fitting), "")
    if layer not in fitting:
        layers = listing(fitting) or "none"
        raise RunFolderError(
            f"layer must be one that takes the inputs ({layers}), got {layer or 'null'} for {saved.folder}"
        )
    images_OHW: np.ndarray = fitting[layer].T.reshape(-1, *shape[1:]).double().numpy()
    return images_OHW[:MAX_COLUMNS]


def _headings(saved: SavedParameters, row: WeightRow, columns: str | None) -> Sequence[str]:
    count = len(row.images_OHW)
    if columns != CLASS:
        return [str(unit) for unit in range(count)]
    if len(saved.class_names) == 2 and count == 1:  # one output, whose sign decides between two classes
        return [f"{saved.class_names[1]} against {saved.class_names[0]}"]
    if count != min(MAX_COLUMNS, len(saved.class_names)):
        raise RunFolderError(
            f"columns=class needs one output per class, the layer has {count} and the data "
            f"{len(saved.class_names)} classes"
        )
    return saved.class_names[:count]


def _draw(rows: Sequence[WeightRow], headings: Sequence[str], keys: str) -> Figure:
    side = min(1.6, (WIDTH - 0.6) / len(headings))
    figure = Figure(figsize=(WIDTH, len(rows) * (side + 0.08) + 0.6), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(len(rows), len(headings), squeeze=False)
    for line, row in zip(panels, rows, strict=True):
        for axes, image_HW in zip(line, row.images_OHW, strict=True):
            axes.imshow(diverging(image_HW, row.limit), interpolation="nearest")
            _bare(axes)
        line[0].set_ylabel(plain_text(row.label), rotation=0, ha="right", va="center", fontsize=9)
    for axes, heading in zip(panels[0], headings, strict=True):
        axes.set_title(plain_text(heading))
    if keys:
        figure.suptitle(plain_text(keys), x=0.01, ha="left", fontsize=9)
    return figure


def _bare(axes: Axes) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(True)
        spine.set_color("#cccccc")
