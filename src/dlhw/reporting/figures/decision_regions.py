"""Decision regions of models with two inputs, with their training points."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from dlhw.config.experiment_entries import FigureConfig
from dlhw.errors import RunFolderError, listing
from dlhw.reporting.cells import Cell
from dlhw.reporting.document import Picture
from dlhw.reporting.figures.alt_text import sentence, short_name
from dlhw.reporting.figures.figure_data import SavedParameters, checkpoint_of
from dlhw.reporting.figures.style import DISTINCT, WIDTH, draw, plain_text
from dlhw.reporting.formatting import many
from dlhw.reporting.study import Study

MAX_PANELS = 6
# Points of the grid along each axis.
GRID = 241
# Margin around the training points, as a share of their range.
MARGIN = 0.25
MARKERS = "os^Dv<>PXd"
# More points than this are drawn smaller.
MANY = 60


@dataclass(frozen=True, kw_only=True)
class DecisionRegions:
    """Decision regions of one model.

    Args:
        label: of its cell.
        class_names: one per label.
        box: lowest x1, highest x1, lowest x2, highest x2, in units of the data.
        decided_YX: predicted label at each point of a grid over the box.
        points_N2: training inputs.
        labels_N: their labels.
        mistakes: number of training points in the region of another class.
    """

    label: str
    class_names: Sequence[str]
    box: tuple[float, float, float, float]
    decided_YX: np.ndarray
    points_N2: np.ndarray
    labels_N: np.ndarray
    mistakes: int


@dataclass(frozen=True, kw_only=True)
class SavedClassifier:
    """A run's trained model of two inputs.

    Args:
        inputs_N2: training inputs, in units of the data.
        labels_N: their labels.
        class_names: one per label.
        classify: points (M, 2), in units of the data -> predicted labels of the points and of the training
            inputs, (M,) and (N,).
    """

    inputs_N2: np.ndarray
    labels_N: np.ndarray
    class_names: Sequence[str]
    classify: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


# Rebuilds the model of a run. It needs torch and the code for training, which reporting does not import: the
# caller of a report passes it in.
LoadClassifier = Callable[[SavedParameters], SavedClassifier]


def decision_regions(
    study: Study, figure: FigureConfig, name: str, load_classifier: LoadClassifier | None
) -> Picture:
    """Draw a figure of kind `regions`.

    Args:
        study: the first cells are drawn, one panel each.
        figure: a title and a description.
        name: of the figure's files.
        load_classifier: rebuilds the model of a run; None: models cannot be rebuilt.

    Raises:
        RunFolderError: if a run has no checkpoint, or its model is not a classifier of two inputs.
    """
    if load_classifier is None:
        raise RunFolderError("decision regions are only drawn by dlhw-report and dlhw-reproduce")
    models = [_regions(cell, load_classifier) for cell in study.cells[:MAX_PANELS]]
    mistakes = "; ".join(
        f"{f'{model.label}: ' if model.label else ''}{model.mistakes} of "
        f"{many(len(model.labels_N), 'training point')} wrong"
        for model in models
    )
    left_out = (
        f"The first {len(models)} of {len(study.cells)} cells" if len(study.cells) > len(models) else ""
    )
    sentences = [
        "Decision regions and training points, both colored by class; each model is that of the first seed",
        mistakes,
        left_out,
    ]
    what = "Plane cut into the regions of the classes" + (
        f", {len(models)} models" if len(models) > 1 else ""
    )
    return draw(
        name,
        sentence(figure.title, *sentences),
        sentence(figure.alt, f"{what}. Classes: {listing(models[0].class_names)}", mistakes),
        lambda: _draw(models),
    )


def _regions(cell: Cell, load_classifier: LoadClassifier) -> DecisionRegions:
    """Predict the label of every point of a grid with the model of a cell's first run."""
    saved = checkpoint_of(cell)
    if saved.input_shape != (2,) or not saved.class_names:
        raise RunFolderError(
            f"regions are drawn for two inputs and classes, {saved.folder} has inputs of "
            f"{list(saved.input_shape)}" + ("" if saved.class_names else " and numbers as targets")
        )
    classifier = load_classifier(saved)
    box = _box(classifier.inputs_N2)
    decided, predicted_N = classifier.classify(_grid(box))
    return DecisionRegions(
        label=short_name(cell),
        class_names=classifier.class_names,
        box=box,
        decided_YX=decided.reshape(GRID, GRID),
        points_N2=classifier.inputs_N2,
        labels_N=classifier.labels_N,
        mistakes=int((predicted_N != classifier.labels_N).sum()),
    )


def _box(points_N2: np.ndarray) -> tuple[float, float, float, float]:
    low, high = points_N2.min(0), points_N2.max(0)
    room = MARGIN * np.maximum(high - low, 1e-6)
    (left, bottom), (right, top) = (low - room).tolist(), (high + room).tolist()
    return left, right, bottom, top


def _grid(box: tuple[float, float, float, float]) -> np.ndarray:
    """Every point of the grid, (GRID², 2), row by row from the lowest x2."""
    xs, ys = np.linspace(*box[:2], GRID), np.linspace(*box[2:], GRID)
    return np.stack([axis.ravel() for axis in np.meshgrid(xs, ys)], axis=1)


def _draw(models: Sequence[DecisionRegions]) -> Figure:
    columns = min(len(models), 3 if len(models) != 4 else 2)
    lines = -(-len(models) // columns)
    height = lines * (WIDTH / max(columns, 1.5) + 0.25) + 0.4
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    FigureCanvasAgg(figure)
    panels = list(figure.subplots(lines, columns, squeeze=False).flat)
    for axes, regions in zip(panels, models, strict=False):
        _draw_one(axes, regions, is_titled=len(models) > 1)
    for axes in panels[len(models) :]:
        axes.set_axis_off()
    handles, labels = panels[0].get_legend_handles_labels()
    larger = 2.0 if len(models[0].labels_N) > MANY else 1.0
    figure.legend(
        handles,
        labels,
        loc="outside lower center",
        ncols=min(5, len(labels)),
        title="class",
        markerscale=larger,
    )
    return figure


def _draw_one(axes: Axes, regions: DecisionRegions, is_titled: bool) -> None:
    count = len(regions.class_names)
    tints = [DISTINCT[label % len(DISTINCT)] for label in range(count)]
    left, right, bottom, top = regions.box
    axes.imshow(
        regions.decided_YX, origin="lower", extent=(left, right, bottom, top), aspect="auto",
        cmap=ListedColormap(tints), vmin=-0.5, vmax=count - 0.5, alpha=0.28, interpolation="nearest",
    )  # fmt: skip
    for label, (name, tint) in enumerate(zip(regions.class_names, tints, strict=True)):
        mine_N2 = regions.points_N2[regions.labels_N == label]
        axes.plot(
            mine_N2[:, 0], mine_N2[:, 1], linestyle="none", marker=MARKERS[label % len(MARKERS)], color=tint,
            markersize=7 if len(regions.labels_N) <= MANY else 3.5, markeredgecolor="white",
            markeredgewidth=0.7, label=plain_text(name),
        )  # fmt: skip
    axes.set_xlim(left, right)
    axes.set_ylim(bottom, top)
    axes.grid(visible=False)
    axes.set_xlabel("first input")
    axes.set_ylabel("second input")
    if is_titled:
        axes.set_title(plain_text(regions.label), fontsize=9)
