"""Cells: the runs of a sweep that differ in nothing but the seed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dlhw.reporting.keys import Row, describes_run
from dlhw.reporting.runs import META, SCORES, SIZES
from dlhw.reporting.values import ABSENT, order, text_of
from dlhw.runs.status import is_success


@dataclass(frozen=True)
class Cell:
    """One combination of swept values.

    Args:
        keys: the swept keys.
        values: one a key.
        runs: every run of the cell, in the order of their seeds.
    """

    keys: tuple[str, ...]
    values: tuple[Any, ...]
    runs: tuple[Row, ...]

    @property
    def counted(self) -> list[Row]:
        """The runs that ended well."""
        return [run for run in self.runs if is_success(run["status"])]

    @property
    def is_deterministic(self) -> bool:
        """Whether its runs that ended well are repeats of one another, whatever their seed."""
        return are_identical(self.counted)

    @property
    def samples(self) -> list[Row]:
        """The runs that statistics are made of: of identical ones only the first, because n is 1 then."""
        return self.counted[:1] if self.is_deterministic else self.counted

    def ended(self, *statuses: str) -> list[Row]:
        """The runs that ended in one of these ways."""
        return [run for run in self.runs if run["status"] in statuses]

    @property
    def label(self) -> str:
        """Such as `optimizer.lr=0.1, model.dropout=0.5`."""
        pairs = zip(self.keys, self.values, strict=True)
        return ", ".join(f"{key}={text_of(value)}" for key, value in pairs) or "all runs"

    @property
    def short_label(self) -> str:
        """Its values alone, for a legend whose title names the keys."""
        return ", ".join(map(text_of, self.values)) or "all runs"


def are_identical(runs: Sequence[Row]) -> bool:
    """Whether two or more runs have the same scores, values and number of steps, to the last bit.

    Nothing in them depends on the seed then (full batches from given weights, a closed form), and their
    agreement is no evidence of a small spread.
    """
    outcomes = {frozenset(item for item in run.items() if _is_outcome(item[0])) for run in runs}
    return len(runs) > 1 and len(outcomes) == 1 and any(map(_is_score, runs[0]))


def _is_outcome(key: str) -> bool:
    return _is_score(key) or key in ("epochs", "steps", "best_epoch", "diverged_at")


def _is_score(key: str) -> bool:
    return key.startswith(SCORES) and not key.startswith(SIZES)


def cells_of(rows: Sequence[Row], keys: Sequence[str]) -> list[Cell]:
    """Group runs by their values of `keys`; cells in the order of the values, numbers ascending."""
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row.get(key, ABSENT) for key in keys), []).append(row)
    ordered = sorted(groups, key=lambda values: [order(value) for value in values])
    return [Cell(tuple(keys), values, tuple(sorted(groups[values], key=_by_seed))) for values in ordered]


def _by_seed(row: Row) -> tuple[int, float, str]:
    return order(row.get("seed"))


def without_repeats(rows: Sequence[Row]) -> tuple[list[Row], int]:
    """Of runs with the same config and seed, keep one: a copy, or a second attempt, is no new sample.

    A run that ended well goes before one that did not, a newer one before an older.

    Returns:
        The runs kept, in their order, and how many were left out.
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
