"""What a figure shows, in words, for those who cannot see it."""

from dlhw.reporting.formatting import mean_text
from dlhw.reporting.metrics import RunMetric
from dlhw.reporting.study import Study

# A reader listens to so many cells; of more, to the extremes.
MAX_CELLS = 12


def means_in_words(study: Study, metric: RunMetric) -> str:
    """Each cell with its mean, or, of many cells, those with the lowest and the highest."""
    places = list(range(len(study.cells)))
    if len(places) <= MAX_CELLS:
        return "; ".join(_one(study, place, metric) for place in places)
    means = {place: mean for place in places if (mean := study.estimate(place, metric).mean) is not None}
    lowest, highest = min(means, key=lambda place: means[place]), max(means, key=lambda place: means[place])
    diverged = sum(bool(cell.ended("diverged")) for cell in study.cells)
    told = f"lowest at {_one(study, lowest, metric)}; highest at {_one(study, highest, metric)}"
    return told + (f"; runs diverged in {diverged} of {len(places)} cells" if diverged else "")


def _one(study: Study, place: int, metric: RunMetric) -> str:
    cell, runs = study.cells[place], len(study.cells[place].ended("diverged"))
    diverged = f" ({runs} diverged)" if runs else ""
    return f"{cell.label}: {mean_text(study.estimate(place, metric), metric)}{diverged}"
