"""Runs and cells compared on the same test samples, by the predictions that the runs have stored."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path

from dlhw.callbacks.predictions_file import SplitPredictions, read_predictions
from dlhw.errors import RunFolderError
from dlhw.reporting.cells import Cell
from dlhw.reporting.keys import Row
from dlhw.reporting.metrics import Metric
from dlhw.reporting.pairs import paired_runs
from dlhw.reporting.samples import Correct, SampleComparison, compare_correct
from dlhw.reporting.statistics import holm
from dlhw.runs.folder import PREDICTIONS_FILE

# Scores -> the parameters that they are of; `selected` are those that were stored.
PARAMETERS = {"final": "last", "best": "best"}
SAME_SAMPLES = "only predictions of the same test samples can be compared"


def compare_folders(first: Sequence[Path], second: Sequence[Path]) -> SampleComparison:
    """Compare runs sample by sample, the first of `first` with the first of `second`, and so on.

    Raises:
        RunFolderError: if the numbers of folders differ, a run has no predictions, a file is damaged, or two
            runs were tested on different samples.
    """
    if not first or len(first) != len(second):
        raise RunFolderError(
            f"compare_predictions needs pairs of run folders, got {len(first)} and {len(second)}"
        )
    return compare_correct([_correct(one, other) for one, other in zip(first, second, strict=True)])


def _correct(first: Path, second: Path) -> tuple[Correct, Correct]:
    one, other = predictions_of(first), predictions_of(second)
    if not is_same_split(one, other):
        raise RunFolderError(f"{first} and {second} were tested on different samples: {SAME_SAMPLES}")
    return one.correct, other.correct


def predictions_of(folder: Path) -> SplitPredictions:
    """The predictions of a run's test split.

    Raises:
        RunFolderError: if there are none, or the file is damaged.
    """
    predictions = read_predictions(folder)
    if predictions is None:
        raise RunFolderError(
            f"{folder} has no {PREDICTIONS_FILE}: a run writes it at its end if it classifies, has a test "
            "split and tracking.predictions=true"
        )
    return predictions


def is_same_split(one: SplitPredictions, other: SplitPredictions) -> bool:
    """Whether two runs were tested on the same samples, in the same order, by the hashes of their splits."""
    is_known = bool(one.split_hash) and one.split_hash == other.split_hash
    return is_known and one.targets.shape == other.targets.shape


def compare_cells(
    cells: Sequence[Cell], metrics: Sequence[Metric], base: int, also: Sequence[str] = ()
) -> tuple[dict[tuple[int, Metric], SampleComparison], list[str]]:
    """Compare cells with a baseline cell on the same test samples.

    Only test accuracies are compared, of the parameters whose predictions the runs have stored, and only
    where each pair of runs was tested on the same samples.

    Returns:
        (place of the cell, metric) -> its comparison, with Holm's p-values over all; and a sentence for
        each file that cannot be read.
    """
    compared: dict[tuple[int, Metric], SampleComparison] = {}
    problems: list[str] = []
    for place, metric in product(range(len(cells)), metrics):
        if place == base or metric.part != "test" or metric.kind != "accuracy":
            continue
        try:
            comparison = _compare(cells[place], cells[base], metric, also)
        except RunFolderError as error:
            problems.append(f"Not compared on the same test samples: {error}.")
            continue
        if comparison is not None:
            compared[place, metric] = comparison
    adjusted = holm([comparison.p for comparison in compared.values()])
    pairs = zip(compared.items(), adjusted, strict=True)
    return {key: replace(comparison, adjusted=p) for (key, comparison), p in pairs}, list(
        dict.fromkeys(problems)
    )


def _compare(cell: Cell, base: Cell, metric: Metric, also: Sequence[str]) -> SampleComparison | None:
    runs = paired_runs(cell, base, also)
    if cell.is_deterministic and base.is_deterministic:
        runs = runs[:1]
    pairs = []
    for run, base_run in runs:
        one, other = _stored(run, metric), _stored(base_run, metric)
        if one is None or other is None or not is_same_split(one, other):
            return None
        pairs.append((one.correct, other.correct))
    is_one_split = len({pair[0].shape for pair in pairs}) == 1
    return compare_correct(pairs) if is_one_split and pairs[0][0].size else None


def _stored(run: Row, metric: Metric) -> SplitPredictions | None:
    """A run's predictions if they are of the metric's parameters; else None."""
    predictions = read_predictions(Path(str(run["folder"])))
    when = metric.name.partition("/")[0]
    if predictions is None or predictions.parameters != PARAMETERS.get(when, predictions.parameters):
        return None
    return predictions
