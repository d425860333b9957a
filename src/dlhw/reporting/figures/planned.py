"""The figures that an experiment requests, drawn one by one."""

from collections.abc import Callable, Mapping, Sequence

from dlhw.config.experiment_entries import FigureConfig, FigureKind
from dlhw.errors import RunFolderError, UserError
from dlhw.reporting.cells import Rows
from dlhw.reporting.document import Picture
from dlhw.reporting.figures.decision_regions import LoadClassifier, decision_regions
from dlhw.reporting.figures.figure_data import narrowed
from dlhw.reporting.figures.heatmap import heat_map
from dlhw.reporting.figures.learning_curves import learning_curves, plan_of
from dlhw.reporting.figures.lines_by_key import lines_by_key
from dlhw.reporting.figures.metric_plots import scatter
from dlhw.reporting.figures.weight_images import weight_images
from dlhw.reporting.study import Study

Draw = Callable[[Study, FigureConfig, str], Picture]
DRAW: dict[FigureKind, Draw] = {
    FigureKind.against: lines_by_key,
    FigureKind.scatter: scatter,
    FigureKind.weights: weight_images,
}


def planned_pictures(
    study: Study,
    figures: Sequence[FigureConfig],
    rows: Mapping[str, Rows],
    load_classifier: LoadClassifier | None = None,
) -> tuple[list[Picture], list[str]]:
    """Draw the figures of an experiment.

    Args:
        study: the experiment's runs.
        figures: what to draw.
        rows: folder -> curves of that run.
        load_classifier: rebuilds the model of a run, for decision regions.

    Returns:
        The pictures, named by number and kind, such as `figure-1-learning`, and a sentence for each figure
        that could not be drawn.
    """
    pictures, problems = [], []
    for number, figure in enumerate(figures, 1):
        try:
            pictures.append(_picture(study, figure, f"figure-{number}-{figure.kind}", rows, load_classifier))
        except (UserError, OSError) as error:
            problems.append(f"Figure {number} ({figure.kind}) is missing: {error}.")
    return pictures, problems


def _picture(
    study: Study,
    figure: FigureConfig,
    name: str,
    rows: Mapping[str, Rows],
    load_classifier: LoadClassifier | None,
) -> Picture:
    narrowed_study = narrowed(study, figure.where)
    if figure.kind is FigureKind.learning:
        return _require(
            learning_curves(narrowed_study, rows, plan_of(figure, name)), "no run has such curves"
        )
    if figure.kind is FigureKind.heat:
        return _require(
            heat_map(narrowed_study, figure, name), "two keys with two or more values each are needed"
        )
    if figure.kind is FigureKind.regions:
        return decision_regions(narrowed_study, figure, name, load_classifier)
    return DRAW[figure.kind](narrowed_study, figure, name)


def _require(picture: Picture | None, why_not: str) -> Picture:
    if picture is None:
        raise RunFolderError(why_not)
    return picture
