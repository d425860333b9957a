"""Texts of figures: captions, and descriptions for readers who cannot see them."""

from dlhw.reporting.cells import Cell
from dlhw.reporting.formatting import mean_text
from dlhw.reporting.metrics import RunMetric
from dlhw.reporting.study import Study
from dlhw.reporting.values import text_of

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


def sentence(*texts: str | None) -> str:
    """Join texts to sentences, each ended by a period."""
    return " ".join(text if text[-1] in ".?!" else f"{text}." for text in texts if text)


def capital(text: str) -> str:
    """Capitalize the first letter of a text; the name of a column is left unchanged.

    >>> capital("validation loss, final"), capital("values.norm")
    ('Validation loss, final', 'values.norm')
    """
    return text if "." in text or "_" in text else text[:1].upper() + text[1:]


def short_name(cell: Cell) -> str:
    """The title of a cell's panel, with the last parts of its keys: `gate=and`."""
    pairs = zip(cell.keys, cell.values, strict=True)
    return ", ".join(f"{key.rpartition('.')[2]}={text_of(value)}" for key, value in pairs)
