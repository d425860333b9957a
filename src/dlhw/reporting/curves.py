"""Learning curves of a cell: mean and range over its seeds at every evaluation."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dlhw.errors import RunFolderError
from dlhw.reporting.cells import Cell
from dlhw.runs.folder import RunFolder

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Curve:
    """One value an evaluation; NaN where a seed's value is not finite."""

    epochs: list[float]
    mean: list[float]
    low: list[float]
    high: list[float]


def read_all(cells: Sequence[Cell]) -> tuple[dict[str, Rows], list[str]]:
    """Curves of every run of the cells.

    Returns:
        Folder -> its rows, and a sentence for each file that could not be read.
    """
    rows: dict[str, Rows] = {}
    problems = []
    for cell in cells:
        for run in cell.runs:
            try:
                rows[run["folder"]] = RunFolder(Path(run["folder"])).curves()
            except (RunFolderError, OSError) as error:
                problems.append(f"{error}; its curves are left out.")
    return rows, problems


def cell_curve(cell: Cell, rows: Mapping[str, Rows], part: str, kind: str) -> Curve | None:
    """Over the runs that count, or over all where none does; None without values.

    A cell's curve ends where its first run ends, so that every point is of the same runs.
    """
    runs = [rows[run["folder"]] for run in cell.counted or cell.runs if rows.get(run["folder"])]
    points = [_points(each, part, kind) for each in runs]
    if not points:
        return None
    shared = sorted(set.intersection(*map(set, points)))
    values = [[run[epoch] for run in points] for epoch in shared]
    if not any(math.isfinite(value) for at_epoch in values for value in at_epoch):
        return None
    mean = [math.fsum(each) / len(each) if all(map(math.isfinite, each)) else math.nan for each in values]
    return Curve(shared, mean, [min(each) for each in values], [max(each) for each in values])


def _points(rows: Rows, part: str, kind: str) -> dict[float, float]:
    # Epochs, not steps: cells that average over batch sizes share no steps.
    return {round(row["epoch"], 9): row[kind] for row in rows if row["split"] == part}
