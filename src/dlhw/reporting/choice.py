"""Which cell is best: by validation, and by test only where that is asked for and then said."""

from collections.abc import Sequence
from dataclasses import dataclass

from dlhw.reporting.cells import Cell
from dlhw.reporting.metrics import Metric
from dlhw.reporting.statistics import estimate

PART = {"val": "validation", "test": "test"}
MARK = {"val": "best by validation", "test": "best, selected by TEST"}


@dataclass(frozen=True)
class Choice:
    """The best cells (more than one where their means are equal).

    Args:
        metric: that they are best by; None where the runs have none.
        best: their places among the cells.
        sentence: how they were chosen, or why none was.
    """

    metric: Metric | None
    best: tuple[int, ...]
    sentence: str


def choose(cells: Sequence[Cell], shown: Sequence[Metric], select: str) -> Choice:
    """Take the cell with the best mean, among cells of which no run diverged or failed.

    Args:
        cells: to choose from.
        shown: the metrics of the table; the first one of the right part decides.
        select: "val" or "test".
    """
    if len(cells) == 1:
        return Choice(None, (), "Only one configuration, nothing to choose from.")
    rows = [run for cell in cells for run in cell.counted]
    names = [metric for metric in shown if metric.part == select]
    fallback = [Metric(f"selected/{select}/{kind}") for kind in ("accuracy", "loss")]
    metric = next((each for each in [*names, *fallback] if each.values(rows)), None)
    if metric is None:
        return Choice(None, (), f"No cell is marked best: no run has {PART[select]} scores.")
    means = {
        place: _mean(cell, metric) for place, cell in enumerate(cells) if not cell.ended("diverged", "failed")
    }
    eligible = {place: mean for place, mean in means.items() if mean is not None}
    is_test = any(row.get("data.split.val_from_test") is True for row in rows)
    if not eligible:
        return Choice(metric, (), "No cell is marked best: in each a run diverged, failed or did not finish.")
    top = (max if metric.is_higher_better else min)(eligible.values())
    best = tuple(place for place, mean in eligible.items() if mean == top)
    return Choice(metric, best, _sentence(metric, select, is_test))


def _mean(cell: Cell, metric: Metric) -> float | None:
    return estimate(metric.values(cell.counted)).mean


def _sentence(metric: Metric, select: str, is_test: bool) -> str:
    direction = "highest" if metric.is_higher_better else "lowest"
    told = f"Best: {direction} mean {metric.label}"
    if select == "test":
        return f"{told}; selected by TEST, so that the best cell's test numbers flatter it."
    if is_test:
        return f"{told}; validation is the TEST set here, so that the best cell's numbers flatter it."
    return f"{told}; test scores had no part in it."
