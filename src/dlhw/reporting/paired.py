"""Paired comparison of cells with a baseline cell, seed by seed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from dlhw.errors import RunFolderError, listing
from dlhw.reporting.cells import Cell
from dlhw.reporting.metrics import RunMetric
from dlhw.reporting.statistics import PairedDifference, adjust, difference
from dlhw.reporting.swept_keys import Row, find_key
from dlhw.reporting.values import ABSENT, parse, same_value, text_of

# The verdict about two cells whose runs do not depend on the seed.
DETERMINISTIC = "deterministic, n = 1"


@dataclass(frozen=True)
class BaselineComparison:
    """The comparison of all cells with one of them.

    Args:
        baseline: index of the baseline among the cells.
        differences: (index of the cell, metric) -> its paired differences, with Holm's p-values over all.
    """

    baseline: int
    differences: dict[tuple[int, RunMetric], PairedDifference]


def compare(
    cells: Sequence[Cell], metrics: Sequence[RunMetric], baseline: str, also: Sequence[str] = ()
) -> BaselineComparison:
    """Pair each cell's runs with those of the baseline that have the same seed.

    Args:
        cells: of one sweep.
        metrics: to compare.
        baseline: `KEY=VALUE[,KEY=VALUE]`, enough to identify one cell.
        also: keys that vary within cells; runs are paired only if they agree in these, too.

    Raises:
        RunFolderError: if `baseline` does not name exactly one cell.
    """
    index = find_cell(cells, baseline)
    differences = {
        (other, metric): paired_difference(cell, cells[index], metric, also)
        for other, cell in enumerate(cells)
        for metric in metrics
        if other != index
    }
    return BaselineComparison(index, adjust(differences))


def paired_difference(
    cell: Cell, base: Cell, metric: RunMetric, also: Sequence[str] = ()
) -> PairedDifference:
    """Differences `cell − base` of a metric between runs with the same seed.

    Two deterministic cells have one difference, regardless of the number of seeds.

    Args:
        cell: the cell to compare.
        base: the baseline cell.
        metric: the metric to compare.
        also: keys that vary within cells; runs are paired only if they agree in these, too.
    """
    runs = paired_runs(cell, base, also)
    pairs = [(metric.value(value), metric.value(base_value)) for value, base_value in runs]
    complete = [
        (value, base_value) for value, base_value in pairs if value is not None and base_value is not None
    ]
    if cell.is_deterministic and base.is_deterministic:
        return replace(difference(complete[:1], metric.scale), verdict=DETERMINISTIC)
    return difference(metric.measurements(complete), metric.scale)


def paired_runs(cell: Cell, base: Cell, also: Sequence[str] = ()) -> list[tuple[Row, Row]]:
    """Pairs of successful runs of two cells with the same seed; see `paired_difference`."""
    first, second = (_by_identity(side.counted, also) for side in (cell, base))
    return [(first[identity], second[identity]) for identity in first if identity in second]


def _by_identity(runs: Sequence[Row], also: Sequence[str]) -> dict[tuple[Any, ...], Row]:
    """Seed and further values -> run; a run without a seed is left out."""
    return {
        (run["seed"], *(run.get(key, ABSENT) for key in also)): run
        for run in runs
        if run.get("seed") is not None
    }


def find_cell(cells: Sequence[Cell], text: str) -> int:
    """The index of the only cell that `KEY=VALUE[,KEY=VALUE]` selects.

    Raises:
        RunFolderError: if the text cannot be read, a key is not swept, or not exactly one cell fits.
    """
    keys, assignments = cells[0].keys, _assignments(text)
    if len(cells) == 1:
        raise RunFolderError("--baseline: there is only one configuration, nothing to compare it with")
    none = f"the swept keys are {listing(keys)}, not"
    wanted = {find_key(key, keys, "--baseline", none): value for key, value in assignments.items()}
    fitting = [index for index, cell in enumerate(cells) if _fits(cell, wanted)]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        labels = "; ".join(cells[index].label for index in fitting)
        raise RunFolderError(f"--baseline: {text} fits {len(fitting)} cells ({labels}): name more keys")
    raise RunFolderError(f"--baseline: no cell has {text}; there are {_values(cells, wanted)}")


def _fits(cell: Cell, wanted: dict[str, Any]) -> bool:
    values = dict(zip(cell.keys, cell.values, strict=True))
    return all(same_value(values[key], value) for key, value in wanted.items())


def _values(cells: Sequence[Cell], wanted: dict[str, Any]) -> str:
    options = []
    for index, key in enumerate(cells[0].keys):
        if key in wanted:
            options.append(f"{key}={listing(dict.fromkeys(text_of(cell.values[index]) for cell in cells))}")
    return "; ".join(options)


def _assignments(text: str) -> dict[str, Any]:
    """Parse `a=1,b=[2,3]`; a comma inside brackets does not separate."""
    words: list[str] = []
    for word in text.split(","):
        if words and words[-1].count("[") > words[-1].count("]"):
            words[-1] += f",{word}"
        else:
            words.append(word)
    if not all("=" in word for word in words):
        raise RunFolderError(f"--baseline must be KEY=VALUE[,KEY=VALUE], got {text}")
    pairs = (word.partition("=") for word in words)
    return {key.strip(): parse(value) for key, _, value in pairs}
