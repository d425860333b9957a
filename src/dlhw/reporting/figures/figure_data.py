"""The data of a figure: cells by their values, metrics by their names, parameters of a checkpoint."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlhw.errors import RunFolderError, did_you_mean
from dlhw.reporting.cells import Cell
from dlhw.reporting.metrics import RunMetric, metric_of
from dlhw.reporting.study import Study
from dlhw.reporting.values import ABSENT, is_number, order, same_value
from dlhw.runs.folder import RunFolder

if TYPE_CHECKING:
    from torch import Tensor


def narrowed(study: Study, where: Mapping[str, Any]) -> Study:
    """Restrict a study to the cells whose runs all have these values, and to the keys that differ in them.

    Raises:
        RunFolderError: if no cell has them.
    """
    if not where:
        return study
    kept = [index for index, cell in enumerate(study.cells) if _has(cell, where)]
    if not kept:
        wanted = ", ".join(f"{key}={value}" for key, value in where.items())
        raise RunFolderError(f"no cell has {wanted}")
    new_index = {old: index for index, old in enumerate(kept)}
    cells = _without_shared([study.cells[index] for index in kept])
    return replace(
        study,
        keys=cells[0].keys,
        cells=cells,
        estimates={
            (new_index[old], metric): estimate
            for (old, metric), estimate in study.estimates.items()
            if old in new_index
        },
        choice=replace(
            study.choice, best=tuple(new_index[old] for old in study.choice.best if old in new_index)
        ),
        comparison=None,
    )


def _without_shared(cells: Sequence[Cell]) -> list[Cell]:
    """The cells without the keys in which they do not differ."""
    differing = [
        index for index in range(len(cells[0].keys)) if len({cell.values[index] for cell in cells}) > 1
    ]
    return [
        replace(
            cell,
            keys=tuple(cell.keys[index] for index in differing),
            values=tuple(cell.values[index] for index in differing),
        )
        for cell in cells
    ]


def _has(cell: Cell, where: Mapping[str, Any]) -> bool:
    return all(same_value(run.get(key, ABSENT), value) for run in cell.runs for key, value in where.items())


def metric_named(study: Study, name: str | None) -> RunMetric:
    """The metric with this name, written with dots or slashes; the first of the table for None.

    Raises:
        RunFolderError: if no run has such a metric.
    """
    if name is None:
        if not study.metrics:
            raise RunFolderError("the runs have no metric to draw")
        return study.metrics[0]
    metric = metric_of(name)
    if not any(metric.values(cell.counted) for cell in study.cells):
        known = sorted({key for cell in study.cells for run in cell.counted for key in run})
        raise RunFolderError(f"no run has a number {name}{did_you_mean(metric.name, known)}")
    return metric


def values_of(study: Study, key: str) -> list[Any]:
    """The value of a key in each cell.

    Raises:
        RunFolderError: if the runs of a cell differ in the key, or no run has it.
    """
    result: list[Any] = []
    for cell in study.cells:
        values = {run.get(key, ABSENT) for run in cell.runs}
        if len(values) > 1:
            raise RunFolderError(f"the runs of the cell {cell.label} differ in {key}")
        result.append(values.pop())
    if all(value == ABSENT for value in result):
        raise RunFolderError(f"the runs have no config key {key}")
    return result


def numbers_of(study: Study, key: str) -> list[float]:
    """The value of a numeric key in each cell.

    Raises:
        RunFolderError: if a value is not a number; see also `values_of`.
    """
    values = values_of(study, key)
    for value in values:
        if not is_number(value):
            raise RunFolderError(f"{key} must be a number to stand on an axis, got {value}")
    return [float(value) for value in values]


def grouped(values: Sequence[Any]) -> list[tuple[Any, list[int]]]:
    """Each value with the indices at which it occurs, ordered by value."""
    groups: dict[Any, list[int]] = {}
    for index, value in enumerate(values):
        groups.setdefault(value, []).append(index)
    return [(value, groups[value]) for value in sorted(groups, key=order)]


@dataclass(frozen=True, kw_only=True)
class SavedParameters:
    """Saved parameters of one run.

    Args:
        folder: of the run.
        checkpoint: "best" or "last".
        parameters: name -> tensor, on the CPU.
        input_shape: shape of one input.
        class_names: one per label; empty for regression.
    """

    folder: Path
    checkpoint: str
    parameters: "dict[str, Tensor]"
    input_shape: tuple[int, ...]
    class_names: list[str]


def checkpoint_of(cell: Cell) -> SavedParameters:
    """The selected parameters of a cell's first successful run.

    Raises:
        RunFolderError: if no run of the cell was successful, or its checkpoint is missing or damaged.
    """
    from dlhw.callbacks.checkpoints import load_checkpoint
    from dlhw.sections import under

    if not cell.counted:
        raise RunFolderError(f"no run of the cell {cell.label} was successful")
    run = cell.counted[0]
    folder = Path(run["folder"])
    name = "last" if run.get("trainer.select") == "last" else "best"
    path = RunFolder(folder).checkpoint(name)
    tensors, state = load_checkpoint(path)
    try:
        input_shape, class_names = tuple(map(int, state["input_shape"])), list(map(str, state["class_names"]))
    except (LookupError, TypeError, ValueError) as error:
        raise RunFolderError(f"{path} holds no state of a run") from error
    return SavedParameters(
        folder=folder,
        checkpoint=name,
        parameters=under("parameters", tensors),
        input_shape=input_shape,
        class_names=class_names,
    )
