"""Selection of the best cell by validation scores; by test scores only on request, which a report states."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dlhw.reporting.cells import Cell
from dlhw.reporting.formatting import many
from dlhw.reporting.metrics import RunMetric
from dlhw.reporting.paired import DETERMINISTIC, paired_difference
from dlhw.reporting.statistics import LEVEL, MIN_FOR_INTERVAL, adjust

SPLIT = {"val": "validation", "test": "test"}
BEST_MARK = {"val": "best by validation", "test": "best, selected by TEST"}
TIED = "not distinguishable from the best"


@dataclass(frozen=True)
class BestCell:
    """The best cells (several if their means are equal).

    Args:
        metric: by which they are best; None if the runs have no such metric.
        best: their indices among the cells.
        sentence: how they were selected, or why none was.
        tied: indices of the other cells that the runs do not distinguish from the best.
    """

    metric: RunMetric | None
    best: tuple[int, ...]
    sentence: str
    tied: tuple[int, ...] = ()


def choose_best(
    cells: Sequence[Cell], shown: Sequence[RunMetric], select: str, also: Sequence[str] = ()
) -> BestCell:
    """Select the cell with the best mean among the cells in which no run diverged or failed.

    Each other cell is compared with it, paired by seed and with Holm's correction over the cells. A cell with
    p > 0.05 is tied with the best. A cell that shares fewer than 3 seeds with it is not tested.

    Args:
        cells: the candidates.
        shown: the metrics of the table; the first one of the split `select` decides.
        select: "val" or "test".
        also: keys that vary within cells; see `paired_difference`.
    """
    if len(cells) == 1:
        return BestCell(None, (), "Only one configuration, nothing to choose from.")
    rows = [run for cell in cells for run in cell.counted]
    names = [metric for metric in shown if metric.split == select]
    fallback = [RunMetric(f"selected/{select}/{kind}") for kind in ("accuracy", "loss")]
    metric = next((name for name in [*names, *fallback] if name.values(rows)), None)
    if metric is None:
        return BestCell(None, (), f"No cell is marked best: no run has {SPLIT[select]} scores.")
    means = {
        index: _mean(cell, metric) for index, cell in enumerate(cells) if not cell.ended("diverged", "failed")
    }
    eligible = {index: mean for index, mean in means.items() if mean is not None}
    is_test = any(row.get("data.split.val_from_test") is True for row in rows)
    if not eligible:
        return BestCell(
            metric, (), "No cell is marked best: in each a run diverged, failed or did not finish."
        )
    top = (max if metric.is_higher_better else min)(eligible.values())
    best = tuple(index for index, mean in eligible.items() if mean == top)
    others = {index: cells[index] for index in eligible if index not in best}
    tied, untested = _tied(others, cells[best[0]], metric, also)
    sentences = [_sentence(metric, select, is_test), *_tied_sentences(len(tied), untested)]
    return BestCell(metric, best, " ".join(sentences), tied)


def _mean(cell: Cell, metric: RunMetric) -> float | None:
    return metric.estimate(cell.samples).mean


def _tied(
    others: Mapping[int, Cell], best: Cell, metric: RunMetric, also: Sequence[str]
) -> tuple[tuple[int, ...], int]:
    """The cells tied with the best, and the number of cells that share too few seeds with it for a test."""
    pairs = {index: paired_difference(cell, best, metric, also) for index, cell in others.items()}
    adjusted = adjust(pairs)
    tied = tuple(index for index, difference in adjusted.items() if (difference.adjusted or 0) > LEVEL)
    few = [
        index for index in others
        if pairs[index].estimate.n < MIN_FOR_INTERVAL and pairs[index].verdict != DETERMINISTIC
    ]  # fmt: skip
    return tied, len(few)


def _tied_sentences(tied: int, untested: int) -> list[str]:
    sentences = []
    if tied:
        sentences.append(
            f"{many(tied, 'cell')} {'is' if tied == 1 else 'are'} {TIED} (paired by seed, p > .05 by Holm's "
            "correction over the cells)."
        )
    if untested:
        sentences.append(
            f"{many(untested, 'cell')} {'shares' if untested == 1 else 'share'} fewer than "
            f"{MIN_FOR_INTERVAL} seeds with it: too few to test for a difference."
        )
    return sentences


def _sentence(metric: RunMetric, select: str, is_test: bool) -> str:
    direction = "highest" if metric.is_higher_better else "lowest"
    how = f"Best: {direction} mean {metric.label}"
    if select == "test":
        return f"{how}; selected by TEST, so that the best cell's test numbers flatter it."
    if is_test:
        return f"{how}; validation is the TEST set here, so that the best cell's numbers flatter it."
    return f"{how}; test scores were not used."
