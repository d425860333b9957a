"""The tables of a study: results by cell, differences from a baseline, runs left out of the means."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dlhw.reporting.best_cell import BEST_MARK, TIED
from dlhw.reporting.captions import how_compared, how_measured, how_sampled, warnings
from dlhw.reporting.cells import Cell
from dlhw.reporting.document import ReportTable, TableEntry, TableRow
from dlhw.reporting.formatting import (
    NONE,
    interval_text,
    many,
    mean_text,
    number_text,
    p_text,
    quartiles_text,
    range_text,
)
from dlhw.reporting.frames import UNFINISHED
from dlhw.reporting.metrics import RunMetric
from dlhw.reporting.sample_comparison import SampleComparison
from dlhw.reporting.statistics import LEVEL, MeanEstimate
from dlhw.reporting.study import ReportOptions, Study, make_study
from dlhw.reporting.swept_keys import Row
from dlhw.reporting.values import text_of
from dlhw.status import Status, is_success

if TYPE_CHECKING:
    import pandas

NOT_COUNTED = (Status.diverged, Status.failed, Status.interrupted, UNFINISHED)
UNFINISHED_MEANS = "Unfinished: no summary.json; the run was killed, or still trained when this was written."


def sweep_table(frame: "pandas.DataFrame", options: ReportOptions | None = None) -> ReportTable:
    """The table at the end of a sweep; `dlhw.reporting.console.print_table` shows it."""
    return results_table(make_study(frame, options))


def results_table(study: Study) -> ReportTable:
    """The metrics of each cell over its seeds."""
    by = f"Results by {', '.join(study.keys)}" if study.keys else "Results"
    if study.select == "test":
        by += " (best cell selected by TEST)"
    elif study.is_val_from_test:
        by += " (validation is the TEST set)"
    return ReportTable(
        title=by,
        headings=[*study.keys, "n", *(metric.label for metric in study.metrics), "note"],
        align="l" * len(study.keys) + "r" + "r" * len(study.metrics) + "l",
        lines=[_cell_line(study, index) for index in range(len(study.cells))],
        caption=how_measured(study),
    )


def _cell_line(study: Study, index: int) -> TableRow:
    cell, is_best, is_tied = study.cells[index], index in study.choice.best, index in study.choice.tied
    metrics = [_metric_entry(study, index, metric) for metric in study.metrics]
    mark = [BEST_MARK[study.select]] if is_best else [TIED] if is_tied else []
    same = [many(len(cell.counted), "identical run")] if cell.is_deterministic else []
    note = "; ".join([*mark, *same, *endings(cell)])
    return TableRow(
        [*_values(cell), TableEntry(_counted(cell)), *metrics, TableEntry(note)], is_best or is_tied
    )


def _values(cell: Cell) -> list[TableEntry]:
    return [TableEntry(text_of(value)) for value in cell.values]


def _metric_entry(study: Study, index: int, metric: RunMetric) -> TableEntry:
    estimate, cell = study.estimates[index, metric], study.cells[index]
    if cell.ended("diverged") and not cell.counted:
        return TableEntry("diverged")
    # A successful run can still lack a finite value, such as a loss that overflowed on test data.
    missing = f" (n={estimate.n})" if 0 < estimate.n < len(cell.samples) else ""
    below = [
        interval_text(estimate, metric),
        quartiles_text(estimate, metric),
        _set_text(study, index, metric),
    ]
    return TableEntry(mean_text(estimate, metric) + missing, "\n".join(filter(None, below)))


def _set_text(study: Study, index: int, metric: RunMetric) -> str:
    """The interval of a single run for the size of the split, such as `set [.9221, .9322]`."""
    ends = study.set_interval(index, metric)
    return "" if ends is None else f"set {range_text(*ends, study.estimates[index, metric], metric)}"


def _counted(cell: Cell) -> str:
    """The number of runs in the statistics: `3`, or `2 of 3`; 1 if all runs are identical."""
    n, total = len(cell.counted), len(cell.runs)
    counted = str(len(cell.samples))
    return counted if n == total or cell.is_deterministic else f"{n} of {total}"


def endings(cell: Cell) -> list[str]:
    """How the runs that are left out ended: `2 diverged (steps 2–5)`, `1 unfinished`."""
    known = [(status, cell.ended(status)) for status in NOT_COUNTED]
    texts = [f"{len(runs)} {status}{_steps(runs)}" for status, runs in known if runs]
    others = sum(not is_success(run["status"]) and run["status"] not in NOT_COUNTED for run in cell.runs)
    return [*texts, f"{others} of unknown status"] if others else texts


def _steps(runs: Sequence[Row]) -> str:
    steps = sorted(int(run["diverged_at"]) for run in runs if run.get("diverged_at") is not None)
    if not steps:
        return ""
    return f" (step {steps[0]})" if steps[0] == steps[-1] else f" (steps {steps[0]}–{steps[-1]})"


def comparison_table(study: Study) -> ReportTable | None:
    """Paired differences from the baseline, one row per cell and metric; None without a baseline."""
    if study.comparison is None:
        return None
    base = study.comparison.baseline
    indices = [index for index in range(len(study.cells)) if index != base]
    return ReportTable(
        title=f"Differences from {study.cells[base].label}",
        headings=[*study.keys, "metric", "pairs", "difference", "95 % interval", "p (Holm)", "verdict"],
        align="l" * len(study.keys) + "lrrrrl",
        lines=[_difference_line(study, index, metric) for index in indices for metric in study.metrics],
        caption=[*warnings(study), *how_compared(study.cells[base].label), *study.sample_problems],
    )


def _difference_line(study: Study, index: int, metric: RunMetric) -> TableRow:
    assert study.comparison is not None
    difference = study.comparison.differences[index, metric]
    mean, interval = mean_text(difference.estimate, metric), interval_text(difference.estimate, metric)
    sign, p = "+" if (difference.estimate.mean or 0) > 0 else "", p_text(difference.adjusted)
    texts = [metric.label, str(difference.estimate.n), sign + mean, interval or NONE, p, difference.verdict]
    return TableRow([*_values(study.cells[index]), *map(TableEntry, texts)])


def samples_table(study: Study) -> ReportTable | None:
    """Differences from the baseline on the same test samples; None without stored predictions."""
    if study.comparison is None or not study.on_samples:
        return None
    base = study.cells[study.comparison.baseline].label
    return ReportTable(
        title=f"Differences from {base} on the same test samples",
        headings=[
            *study.keys, "metric", "samples", "pairs", "only cell : only baseline", "difference",
            "95 % interval", "p (Holm)", "verdict",
        ],
        align="l" * len(study.keys) + "lrrrrrrl",
        lines=[_samples_line(study, index, metric) for index, metric in study.on_samples],
        caption=[*warnings(study), *how_sampled(base)],
    )  # fmt: skip


def _samples_line(study: Study, index: int, metric: RunMetric) -> TableRow:
    comparison = study.on_samples[index, metric]
    discordant = (
        NONE if comparison.only_first is None else f"{comparison.only_first:,} : {comparison.only_second:,}"
    )
    accuracy = MeanEstimate(1, mean=1.0)  # four decimals, as accuracies have
    texts = [
        metric.label, f"{comparison.num_samples:,}", str(comparison.num_pairs), discordant,
        number_text(comparison.difference, metric, sign=True),
        range_text(comparison.low, comparison.high, accuracy, metric),
        p_text(comparison.adjusted), _samples_verdict(comparison),
    ]  # fmt: skip
    return TableRow([*_values(study.cells[index]), *map(TableEntry, texts)])


def _samples_verdict(comparison: SampleComparison) -> str:
    if comparison.adjusted is None or comparison.adjusted > LEVEL:
        return "not distinguishable"
    return "higher" if comparison.difference > 0 else "lower"


def left_out_table(study: Study) -> ReportTable | None:
    """The runs left out of the means, with their folders; None if there are none."""
    rows = [row for row in study.rows if not is_success(row["status"])]
    if not rows:
        return None
    above = Path(os.path.commonpath([str(row["folder"]) for row in study.rows])).parent
    keys = study.keys
    return ReportTable(
        title="Runs left out of the means",
        headings=["folder", *keys, "seed", "status", "why"],
        align="l" * (len(keys) + 4),
        lines=[_left_out_line(row, above, keys) for row in rows],
        caption=[UNFINISHED_MEANS] if any(row["status"] == UNFINISHED for row in rows) else [],
        is_result=False,
    )


def _left_out_line(row: Row, above: Path, keys: Sequence[str]) -> TableRow:
    values = [text_of(row[key]) if key in row else NONE for key in (*keys, "seed")]
    step = row.get("diverged_at")
    why = f"loss not finite at step {step}" if step is not None else str(row.get("message") or "")
    return TableRow(
        [TableEntry(text) for text in (os.path.relpath(row["folder"], above), *values, row["status"], why)]
    )
