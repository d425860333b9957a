"""Selection of the cells that a published value or a check refers to, and their values of a metric."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dlhw.reporting.cells import Cell, cells_of
from dlhw.reporting.frames import META, SCORES
from dlhw.reporting.metrics import RunMetric
from dlhw.reporting.statistics import MeanEstimate
from dlhw.reporting.study import Study
from dlhw.reporting.swept_keys import Row
from dlhw.reporting.values import ABSENT, same_value, text_of
from dlhw.runs.names import short_keys
from dlhw.status import is_success

Wanted = Mapping[str, Any]


class MissingResult(Exception):
    """A result that is needed for a comparison is missing; the text says which."""


def label_of(wanted: Wanted) -> str:
    """Short label of swept values, such as `lr=0.1, alpha=0.001`."""
    short = short_keys(wanted)
    return ", ".join(f"{short[key]}={text_of(value)}" for key, value in wanted.items()) or "all runs"


@dataclass(frozen=True)
class CellSelection:
    """The cells of a study by every key that differs, regardless of the columns of its table.

    Args:
        keys: the keys that define a cell.
        cells: ordered by their values.
    """

    keys: Sequence[str]
    cells: Sequence[Cell]

    @classmethod
    def of(cls, study: Study) -> "CellSelection":
        """The cells of the runs of a study."""
        keys = [*study.keys, *study.within]
        return cls(keys, cells_of([run for cell in study.cells for run in cell.runs], keys))

    def label(self, cell: Cell) -> str:
        """The values that identify a cell."""
        return label_of(dict(zip(cell.keys, cell.values, strict=True)))

    def where(self, wanted: Wanted) -> list[Cell]:
        """All cells with these values.

        Raises:
            MissingResult: if there is none.
        """
        cells = [cell for cell in self.cells if _fits(cell.runs[0], wanted)]
        if not cells:
            raise MissingResult(f"no run has {label_of(wanted)}")
        return cells

    def one(self, wanted: Wanted) -> Cell:
        """The only cell with these values.

        Raises:
            MissingResult: if there is none, or more than one.
        """
        cells = self.where(wanted)
        if len(cells) > 1:
            raise MissingResult(f"{label_of(wanted)} fits {len(cells)} cells")
        return cells[0]

    def estimate(self, cell: Cell, metric: RunMetric) -> MeanEstimate:
        """Mean and interval over the successful runs of a cell.

        Raises:
            MissingResult: if none has a value.
        """
        result = metric.estimate(cell.samples)
        if result.mean is None:
            raise MissingResult(f"{self.label(cell)}: {_why(cell, metric)}")
        return result

    def mean(self, cell: Cell, metric: RunMetric) -> float:
        """Mean over the seeds of a cell.

        Raises:
            MissingResult: if it has no value.
        """
        mean = self.estimate(cell, metric).mean
        assert mean is not None
        return mean

    def sample(self, cell: Cell, metric: RunMetric) -> list[float]:
        """The values of a cell, one per seed; a single value if the runs are identical over seeds.

        Raises:
            MissingResult: if a run of the cell was not successful or has no value.
        """
        return [values[0] for values in self.paired([cell], metric)]

    def paired(self, cells: Sequence[Cell], metric: RunMetric) -> list[tuple[float, ...]]:
        """Values of several cells, one tuple per common seed.

        A cell whose runs are identical over seeds is paired with every seed; if all are, there is one tuple.

        Raises:
            MissingResult: if a run was not successful or has no value, or the cells have no common seed.
        """
        for cell in cells:
            self._check_complete(cell, metric)
        random = [cell for cell in cells if not cell.is_deterministic]
        if not random:
            return [tuple(self.mean(cell, metric) for cell in cells)]
        by_seed = {id(cell): {run.get("seed"): metric.value(run) for run in cell.counted} for cell in random}
        shared = [
            seed for seed in by_seed[id(random[0])] if all(seed in values for values in by_seed.values())
        ]
        if not shared:
            raise MissingResult(f"{'; '.join(self.label(cell) for cell in cells)}: no seed in common")
        constant = {id(cell): self.mean(cell, metric) for cell in cells if cell.is_deterministic}
        rows = [
            [constant[id(cell)] if id(cell) in constant else by_seed[id(cell)][seed] for cell in cells]
            for seed in shared
        ]
        return [tuple(value for value in row if value is not None) for row in rows]

    def _check_complete(self, cell: Cell, metric: RunMetric) -> None:
        unfinished = unfinished_runs(cell)
        if unfinished and cell.counted:
            n = len(cell.runs)
            raise MissingResult(f"{self.label(cell)}: {len(unfinished)} of {n} runs {how_ended(unfinished)}")
        if len(metric.values(cell.counted)) < max(1, len(cell.counted)):
            raise MissingResult(f"{self.label(cell)}: {_why(cell, metric)}")

    def lines(self, key: str, wanted: Wanted) -> list[list[Cell]]:
        """Groups of cells with these values that differ only in `key`, each ordered by the values of `key`.

        Raises:
            MissingResult: if there is no such cell.
        """
        groups: dict[tuple[Any, ...], list[Cell]] = {}
        for cell in self.where(wanted):
            rest = [value for name, value in zip(cell.keys, cell.values, strict=True) if name != key]
            groups.setdefault(tuple(rest), []).append(cell)
        return list(groups.values())


def value_of(cell: Cell, key: str) -> Any:
    """The value of a key in a cell, swept or not."""
    return cell.runs[0].get(key, ABSENT)


def _fits(run: Row, wanted: Wanted) -> bool:
    return all(same_value(run.get(key, ABSENT), value) for key, value in wanted.items())


def _why(cell: Cell, metric: RunMetric) -> str:
    """Why a cell has no value: its runs were not successful, or the metric was not measured."""
    return f"{metric.label} was not measured" if cell.counted else how_ended(cell.runs)


def unfinished_runs(cell: Cell) -> list[Row]:
    """The runs that diverged, failed or did not finish."""
    return [run for run in cell.runs if not is_success(run["status"])]


def how_ended(runs: Sequence[Row]) -> str:
    """The statuses of the runs in words, each once."""
    return ", ".join(dict.fromkeys(str(run["status"]).replace("_", " ") for run in runs))


def known_keys(study: Study) -> list[str]:
    """All config keys of the runs of a study."""
    keys = dict.fromkeys(key for cell in study.cells for run in cell.runs for key in run)
    return [key for key in keys if key in ("name", "seed") or not (key in META or key.startswith(SCORES))]
