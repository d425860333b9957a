"""Which runs a published number or a check means: cells by their values, metrics by their names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dlhw.reporting.cells import Cell, cells_of
from dlhw.reporting.keys import Row
from dlhw.reporting.metrics import Metric
from dlhw.reporting.runs import META, SCORES
from dlhw.reporting.statistics import Estimate
from dlhw.reporting.study import Study
from dlhw.reporting.values import ABSENT, text_of
from dlhw.sweep.names import short_keys

Wanted = Mapping[str, Any]


class NotRun(Exception):
    """What a rule compares is not there; the text says what."""


def same(value: Any, wanted: Any) -> bool:
    """Equal as numbers, or as one would type them."""
    return bool(value == wanted) or text_of(value) == text_of(wanted)


def label_of(wanted: Wanted) -> str:
    """Such as `lr=0.1, alpha=0.001`."""
    short = short_keys(wanted)
    return ", ".join(f"{short[key]}={text_of(value)}" for key, value in wanted.items()) or "all runs"


@dataclass(frozen=True)
class Selection:
    """The cells of a study, by every key that differs, whatever its table shows.

    Args:
        keys: that make a cell.
        cells: in the order of their values.
    """

    keys: Sequence[str]
    cells: Sequence[Cell]

    @classmethod
    def of(cls, study: Study) -> "Selection":
        """Of the runs of a study."""
        keys = [*study.keys, *study.within]
        return cls(keys, cells_of([run for cell in study.cells for run in cell.runs], keys))

    def label(self, cell: Cell) -> str:
        """The values that tell a cell from others."""
        return label_of(dict(zip(cell.keys, cell.values, strict=True)))

    def where(self, wanted: Wanted) -> list[Cell]:
        """Every cell with these values.

        Raises:
            NotRun: if there is none.
        """
        found = [cell for cell in self.cells if _fits(cell.runs[0], wanted)]
        if not found:
            raise NotRun(f"no run has {label_of(wanted)}")
        return found

    def one(self, wanted: Wanted) -> Cell:
        """The cell with these values.

        Raises:
            NotRun: if there is none, or more than one.
        """
        found = self.where(wanted)
        if len(found) > 1:
            raise NotRun(f"{label_of(wanted)} fits {len(found)} cells")
        return found[0]

    def estimate(self, cell: Cell, metric: Metric) -> Estimate:
        """Of a cell that has a value.

        Raises:
            NotRun: if it has none.
        """
        found = metric.estimate(cell.samples)
        if found.mean is None:
            raise NotRun(f"{self.label(cell)}: {_why(cell, metric)}")
        return found

    def mean(self, cell: Cell, metric: Metric) -> float:
        """Over the seeds of a cell.

        Raises:
            NotRun: if it has no value.
        """
        mean = self.estimate(cell, metric).mean
        assert mean is not None
        return mean

    def lines(self, key: str, wanted: Wanted) -> list[list[Cell]]:
        """Cells with these values that differ in `key` alone, each line in the order of its values.

        Raises:
            NotRun: if there is no such cell.
        """
        found: dict[tuple[Any, ...], list[Cell]] = {}
        for cell in self.where(wanted):
            rest = [value for name, value in zip(cell.keys, cell.values, strict=True) if name != key]
            found.setdefault(tuple(rest), []).append(cell)
        return list(found.values())


def value_of(cell: Cell, key: str) -> Any:
    """A cell's value of a key, swept or not."""
    return cell.runs[0].get(key, ABSENT)


def _fits(run: Row, wanted: Wanted) -> bool:
    return all(same(run.get(key, ABSENT), value) for key, value in wanted.items())


def _why(cell: Cell, metric: Metric) -> str:
    """A cell without a value: its runs ended badly, or nobody measured it."""
    if cell.counted:
        return f"{metric.label} was not measured"
    return ", ".join(dict.fromkeys(str(run["status"]).replace("_", " ") for run in cell.runs))


def known_keys(study: Study) -> list[str]:
    """Every config key that some run of a study has."""
    keys = dict.fromkeys(key for cell in study.cells for run in cell.runs for key in run)
    return [key for key in keys if key in ("name", "seed") or not (key in META or key.startswith(SCORES))]
