"""Descriptions of figures for readers who cannot see them."""

from dlhw.reporting.formatting import mean_text
from dlhw.reporting.metrics import RunMetric
from dlhw.reporting.study import Study

# The largest number of cells that a description lists; of more it gives the extremes.
MAX_CELLS = 12


def means_in_words(study: Study, metric: RunMetric) -> str:
    """The mean of each cell; of many cells only the lowest and the highest mean."""
    indices = list(range(len(study.cells)))
    if len(indices) <= MAX_CELLS:
        return "; ".join(_one(study, index, metric) for index in indices)
    means = {index: mean for index in indices if (mean := study.estimate(index, metric).mean) is not None}
    lowest, highest = min(means, key=lambda index: means[index]), max(means, key=lambda index: means[index])
    diverged = sum(bool(cell.ended("diverged")) for cell in study.cells)
    text = f"lowest at {_one(study, lowest, metric)}; highest at {_one(study, highest, metric)}"
    return text + (f"; runs diverged in {diverged} of {len(indices)} cells" if diverged else "")


def _one(study: Study, index: int, metric: RunMetric) -> str:
    cell, runs = study.cells[index], len(study.cells[index].ended("diverged"))
    diverged = f" ({runs} diverged)" if runs else ""
    return f"{cell.label}: {mean_text(study.estimate(index, metric), metric)}{diverged}"
