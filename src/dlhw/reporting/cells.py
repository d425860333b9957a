"""Cells, the runs of a sweep that differ only in the seed, and their learning curves."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dlhw.errors import RunFolderError
from dlhw.reporting.frames import META, SCORES, SIZES
from dlhw.reporting.swept_keys import Row, describes_run
from dlhw.reporting.values import ABSENT, order, text_of
from dlhw.runs.folder import RunFolder
from dlhw.status import is_success

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Cell:
    """One combination of swept values.

    Args:
        keys: the swept keys.
        values: one value per key.
        runs: all runs of the cell, ordered by seed.
    """

    keys: tuple[str, ...]
    values: tuple[Any, ...]
    runs: tuple[Row, ...]

    @property
    def counted(self) -> list[Row]:
        """The successful runs, which statistics count."""
        return [run for run in self.runs if is_success(run["status"])]

    @property
    def is_deterministic(self) -> bool:
        """Whether its successful runs are identical although their seeds differ."""
        return are_identical(self.counted)

    @property
    def samples(self) -> list[Row]:
        """The runs in the statistics: of identical runs only the first, because they are one sample."""
        return self.counted[:1] if self.is_deterministic else self.counted

    def ended(self, *statuses: str) -> list[Row]:
        """The runs with one of these statuses."""
        return [run for run in self.runs if run["status"] in statuses]

    @property
    def label(self) -> str:
        """The swept values, such as `optimizer.lr=0.1, model.dropout=0.5`."""
        pairs = zip(self.keys, self.values, strict=True)
        return ", ".join(f"{key}={text_of(value)}" for key, value in pairs) or "all runs"

    @property
    def short_label(self) -> str:
        """The values without their keys, for a legend whose title names the keys."""
        return ", ".join(map(text_of, self.values)) or "all runs"


def are_identical(runs: Sequence[Row]) -> bool:
    """Whether two or more runs have the same scores, values and number of steps, to the last bit.

    Then nothing in them depends on the seed (full batches from given weights, a closed form), and their
    agreement does not show a small spread.
    """
    outcomes = {frozenset(item for item in run.items() if _is_outcome(item[0])) for run in runs}
    return len(runs) > 1 and len(outcomes) == 1 and any(map(_is_score, runs[0]))


def _is_outcome(key: str) -> bool:
    return _is_score(key) or key in ("epochs", "steps", "best_epoch", "diverged_at")


def _is_score(key: str) -> bool:
    return key.startswith(SCORES) and not key.startswith(SIZES)


def cells_of(rows: Sequence[Row], keys: Sequence[str]) -> list[Cell]:
    """Group runs by their values of `keys`; cells are ordered by these values, numbers ascending."""
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row.get(key, ABSENT) for key in keys), []).append(row)
    ordered = sorted(groups, key=lambda values: [order(value) for value in values])
    return [Cell(tuple(keys), values, tuple(sorted(groups[values], key=_by_seed))) for values in ordered]


def _by_seed(row: Row) -> tuple[int, float, str]:
    return order(row.get("seed"))


def without_repeats(rows: Sequence[Row]) -> tuple[list[Row], int]:
    """Keep one of the runs with the same config and seed: a copy or a second attempt is no new sample.

    A successful run is preferred to an unsuccessful one, a newer run to an older one.

    Returns:
        The runs kept, in their order, and the number of runs left out.
    """
    chosen: dict[frozenset[tuple[str, Any]], Row] = {}
    for row in rows:
        identity = frozenset(item for item in row.items() if _is_identity(item[0]))
        if identity not in chosen or _rank(row) > _rank(chosen[identity]):
            chosen[identity] = row
    kept = {id(row) for row in chosen.values()}
    return [row for row in rows if id(row) in kept], len(rows) - len(kept)


def _is_identity(key: str) -> bool:
    return key == "seed" or not (key.startswith(SCORES) or key in META) and describes_run(key)


def _rank(row: Row) -> tuple[bool, bool, str]:
    status = row["status"]
    return is_success(status), status == "diverged", str(row.get("created") or "")


@dataclass(frozen=True)
class CellCurve:
    """Mean and range over the runs at each evaluation; NaN if a run's value is not finite."""

    epochs: list[float]
    mean: list[float]
    low: list[float]
    high: list[float]


def read_curves(cells: Sequence[Cell]) -> tuple[dict[str, Rows], list[str]]:
    """Read the learning curves of all runs of the cells.

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


def cell_curve(cell: Cell, rows: Mapping[str, Rows], split: str, kind: str) -> CellCurve | None:
    """The curve of a cell over its successful runs, or over all runs if none succeeded; None without values.

    It ends where the first of its runs ends, so that all points are of the same runs.
    """
    runs = [rows[run["folder"]] for run in cell.counted or cell.runs if rows.get(run["folder"])]
    points = [_points(run_rows, split, kind) for run_rows in runs]
    if not points:
        return None
    shared = sorted(set.intersection(*map(set, points)))
    values = [[run[epoch] for run in points] for epoch in shared]
    if not any(math.isfinite(value) for at_epoch in values for value in at_epoch):
        return None
    mean = [
        math.fsum(run_rows) / len(run_rows) if all(map(math.isfinite, run_rows)) else math.nan
        for run_rows in values
    ]
    return CellCurve(
        shared, mean, [min(run_rows) for run_rows in values], [max(run_rows) for run_rows in values]
    )


def _points(rows: Rows, split: str, kind: str) -> dict[float, float]:
    # Epochs, not steps: cells that average over batch sizes share no steps.
    return {round(row["epoch"], 9): row[kind] for row in rows if row["split"] == split}
