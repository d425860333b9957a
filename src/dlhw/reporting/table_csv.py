"""Results by cell as comma-separated values in full precision: table.csv."""

import csv
import io
from typing import Any

from dlhw.display import csv_cell
from dlhw.reporting.metrics import Metric
from dlhw.reporting.study import Study
from dlhw.reporting.tables import NOT_COUNTED
from dlhw.reporting.values import text_of

COUNTS = ("runs", "n", *NOT_COUNTED, "best", "tied", "selected_by")
STATISTICS = ("n", "mean", "std", "low", "high", "median", "iqm", "set_low", "set_high")
DIFFERENCES = (
    "pairs", "difference", "difference_std", "difference_low", "difference_high", "p", "p_holm", "samples_p",
    "samples_p_holm", "samples_low", "samples_high", "verdict",
)  # fmt: skip


def table_csv(study: Study) -> str:
    """One line per cell: swept keys, counts, and each metric's statistics.

    These are n, mean, standard deviation, 95 % interval, median and interquartile mean over seeds, and the
    interval of one run for the size of the split. With a baseline, the paired differences from it follow.
    Floats read back as the same floats; what does not exist (an interval of one value) is empty.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = STATISTICS + (DIFFERENCES if study.comparison else ())
    columns = [f"{metric.name}/{name}" for metric in study.metrics for name in names]
    writer.writerow(map(csv_cell, [*study.keys, *COUNTS, *columns]))
    writer.writerows(_line(study, place) for place in range(len(study.cells)))
    return text.getvalue()


def _line(study: Study, place: int) -> list[str]:
    cell = study.cells[place]
    counts = [len(cell.runs), len(cell.samples), *(len(cell.ended(status)) for status in NOT_COUNTED)]
    numbers = [value for metric in study.metrics for value in _numbers(study, place, metric)]
    is_test = study.select == "val" and study.is_val_from_test
    selected_by = "val, which is the test set" if is_test else study.select
    marks = [int(place in study.choice.best), int(place in study.choice.tied)]
    values = [*map(text_of, cell.values), *counts, *marks, selected_by, *numbers]
    return list(map(csv_cell, values))


def _numbers(study: Study, place: int, metric: Metric) -> list[Any]:
    found = study.estimates[place, metric]
    numbers = (found.n, found.mean, found.std, found.low, found.high, found.median, found.iqm)
    statistics: list[Any] = [*numbers, *(study.set_interval(place, metric) or (None, None))]
    if study.comparison is None:
        return statistics
    against = study.comparison.differences.get((place, metric))
    if against is None:  # the baseline itself
        return [*statistics, *[None] * (len(DIFFERENCES) - 1), "baseline"]
    paired = against.estimate
    differences = [paired.n, paired.mean, paired.std, paired.low, paired.high, against.p, against.adjusted]
    on_samples = study.on_samples.get((place, metric))
    tested = (
        (None,) * 4 if on_samples is None
        else (on_samples.p, on_samples.adjusted, on_samples.low, on_samples.high)
    )  # fmt: skip
    return [*statistics, *differences, *tested, against.verdict]
