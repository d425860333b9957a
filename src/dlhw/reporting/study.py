"""A study: runs grouped into cells, with their statistics. Everything that is written comes from one."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from dlhw.config.experiment import ExperimentConfig
from dlhw.errors import RunFolderError
from dlhw.reporting.best_cell import BestCell, choose_best
from dlhw.reporting.cells import Cell, cells_of, without_repeats
from dlhw.reporting.frames import REFERENCES, SIZES, UNREADABLE, config_keys, records
from dlhw.reporting.metrics import RunMetric, find_metrics, metric_of
from dlhw.reporting.paired import BaselineComparison, compare
from dlhw.reporting.sample_comparison import SampleComparison, compare_cells, wilson
from dlhw.reporting.statistics import MeanEstimate, Scale
from dlhw.reporting.swept_keys import CODE, DATA, Row, find_key, swept_keys, versions_of, with_versions
from dlhw.reporting.values import ABSENT

if TYPE_CHECKING:
    import pandas

VAL_FROM_TEST_KEY = "data.split.val_from_test"


@dataclass(frozen=True, kw_only=True)
class ReportOptions:
    """What a report shows.

    Args:
        by: keys that make a cell; None: those whose values differ.
        metrics: names of columns; None: accuracies, or losses for regression.
        select: "val" or "test": what the best cell is chosen by.
        baseline: `KEY=VALUE[,KEY=VALUE]` of the cell to compare with; None: no comparison.
        versions: whether runs of other data or code get cells of their own even where no cell would mix them.
    """

    by: Sequence[str] | None = None
    metrics: Sequence[str] | None = None
    select: str = "val"
    baseline: str | None = None
    versions: bool = False

    def of(self, experiment: ExperimentConfig | None, frame: "pandas.DataFrame") -> "ReportOptions":
        """With the experiment's table where no other is asked for, without metrics that no run has."""
        if experiment is None:
            return self
        asked = [metric_of(name).name for name in experiment.metrics]
        by = experiment.by if self.by is None else self.by
        metrics = [name for name in asked if name in frame.columns] if self.metrics is None else self.metrics
        return replace(self, by=by, metrics=metrics)


@dataclass(frozen=True, kw_only=True)
class Study:
    """Cells and their statistics.

    Args:
        rows: every run, unreadable ones and repeats included.
        keys: that make a cell.
        within: other swept keys, over which cells average.
        fixed: key -> value that all runs share.
        cells: in the order of their values.
        metrics: the columns of the table.
        estimates: (place of the cell, metric) -> its statistics.
        select: what the best cell was chosen by, "val" or "test".
        choice: the best cell.
        comparison: against the baseline; None without one.
        on_samples: (place of the cell, metric) -> its comparison with the baseline on the same test samples.
        sample_problems: why cells are not compared so.
        repeats: runs left out because another has the same config and seed.
    """

    rows: Sequence[Row]
    keys: Sequence[str]
    within: Sequence[str]
    fixed: dict[str, object]
    cells: Sequence[Cell]
    metrics: Sequence[RunMetric]
    estimates: dict[tuple[int, RunMetric], MeanEstimate] = field(repr=False)
    select: str
    choice: BestCell
    comparison: BaselineComparison | None
    on_samples: dict[tuple[int, RunMetric], SampleComparison]
    sample_problems: Sequence[str]
    repeats: int

    @property
    def is_val_from_test(self) -> bool:
        """Whether the validation split of any run is the test set."""
        return any(run.get(VAL_FROM_TEST_KEY) is True for cell in self.cells for run in cell.runs)

    @property
    def is_by_test(self) -> bool:
        """Whether the best cell was chosen by numbers of the test set, under whatever name."""
        return self.select == "test" or self.is_val_from_test

    @property
    def unreadable(self) -> list[Row]:
        return [row for row in self.rows if row["status"] == UNREADABLE]

    def estimate(self, place: int, metric: RunMetric) -> MeanEstimate:
        """Of any metric, one that the table does not show too."""
        found = self.estimates.get((place, metric))
        return found or metric.estimate(self.cells[place].samples)

    def set_interval(self, place: int, metric: RunMetric) -> tuple[float, float] | None:
        """Wilson's interval of a single run with a cell's mean accuracy, for the size of the split.

        None for training scores and other metrics, and where the size is unknown or differs between runs.
        """
        if metric.scale is not Scale.proportion or metric.part == "train":
            return None
        mean = self.estimate(place, metric).mean
        sizes = {run.get(f"{SIZES}{metric.part}") for run in self.cells[place].samples}
        size = sizes.pop() if len(sizes) == 1 else None
        return wilson(mean, size) if mean is not None and size else None


def make_study(frame: "pandas.DataFrame", options: ReportOptions | None = None) -> Study:
    """Group the runs of `load_runs` and compute what a report shows.

    Raises:
        RunFolderError: if no run can be read, or a key or metric asked for does not exist.
    """
    options = options or ReportOptions()
    rows = records(frame)
    readable, repeats = without_repeats(with_versions([row for row in rows if row["status"] != UNREADABLE]))
    if not readable:
        raise RunFolderError("none of the runs can be read")
    known = config_keys(frame)
    swept = swept_keys(readable, known, frame.attrs.get(REFERENCES))
    keys = _asked(options.by, known) if options.by is not None else swept
    keys = [*keys, *_separate_versions(readable, keys, options.versions)]
    cells = cells_of(readable, keys)
    counted = [run for cell in cells for run in cell.counted]
    metrics = find_metrics(counted, list(map(str, frame.columns)), options.metrics)
    within = [key for key in swept if key not in keys and _varies_within(cells, key)]
    comparison = compare(cells, metrics, options.baseline, within) if options.baseline else None
    on_samples, problems = (
        compare_cells(cells, metrics, comparison.baseline, within) if comparison else ({}, [])
    )
    return Study(
        rows=rows,
        keys=keys,
        within=within,
        fixed=_fixed(readable, known),
        cells=cells,
        metrics=metrics,
        estimates=_estimates(cells, metrics),
        select=options.select,
        choice=choose_best(cells, metrics, options.select, within),
        comparison=comparison,
        on_samples=on_samples,
        sample_problems=problems,
        repeats=repeats,
    )


def _separate_versions(rows: Sequence[Row], keys: Sequence[str], always: bool) -> list[str]:
    """The versions (of data, of code) by which cells must be split: runs of several are never averaged."""
    cells = cells_of(rows, keys)
    several = [key for key in (DATA, CODE) if key not in keys and versions_of(rows, key)]
    return [key for key in several if always or any(versions_of(cell.runs, key) for cell in cells)]


def _varies_within(cells: Sequence[Cell], key: str) -> bool:
    """A key that moves together with those of the table has one value in each cell."""
    return any(len({run.get(key, ABSENT) for run in cell.runs}) > 1 for cell in cells)


def _asked(by: Sequence[str], known: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(find_key(word, [*known, "name", "seed"], "--by") for word in by))


def _estimates(
    cells: Sequence[Cell], metrics: Sequence[RunMetric]
) -> dict[tuple[int, RunMetric], MeanEstimate]:
    return {
        (place, metric): metric.estimate(cell.samples)
        for place, cell in enumerate(cells)
        for metric in metrics
    }


def _fixed(rows: Sequence[Row], keys: Sequence[str]) -> dict[str, object]:
    """Keys that every run has with one value."""
    return {
        key: rows[0][key]
        for key in keys
        if all(key in row for row in rows) and len({row[key] for row in rows}) == 1
    }
