"""A study: runs grouped into cells with their statistics; the source of all tables and figures."""

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
    """Options of a report.

    Args:
        by: keys that define a cell; None: those whose values differ.
        metrics: names of columns; None: accuracies, or losses for regression.
        select: "val" or "test", the split whose score selects the best cell.
        baseline: `KEY=VALUE[,KEY=VALUE]` of the cell to compare with; None: no comparison.
        versions: whether to separate runs of other data or code even if no cell would mix them.
    """

    by: Sequence[str] | None = None
    metrics: Sequence[str] | None = None
    select: str = "val"
    baseline: str | None = None
    versions: bool = False

    def of(self, experiment: ExperimentConfig | None, frame: "pandas.DataFrame") -> "ReportOptions":
        """These options completed by the experiment's table, without metrics that no run has."""
        if experiment is None:
            return self
        columns = [metric_of(name).name for name in experiment.metrics]
        by = experiment.by if self.by is None else self.by
        metrics = (
            [name for name in columns if name in frame.columns] if self.metrics is None else self.metrics
        )
        return replace(self, by=by, metrics=metrics)


@dataclass(frozen=True, kw_only=True)
class Study:
    """Cells and their statistics.

    Args:
        rows: all runs, including unreadable ones and repeats.
        keys: the keys that define a cell.
        within: other swept keys, over which cells average.
        fixed: key -> value that all runs share.
        cells: ordered by their values.
        metrics: the columns of the table.
        estimates: (index of the cell, metric) -> statistics.
        select: "val" or "test", the split whose score selected the best cell.
        choice: the best cell.
        comparison: with the baseline; None without one.
        on_samples: (index of the cell, metric) -> comparison with the baseline on the same test samples.
        sample_problems: why cells are not compared on the same test samples.
        repeats: number of runs left out because another run has the same config and seed.
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
        """Whether scores on the test set selected the best cell, also if they are called validation."""
        return self.select == "test" or self.is_val_from_test

    @property
    def unreadable(self) -> list[Row]:
        return [row for row in self.rows if row["status"] == UNREADABLE]

    def estimate(self, index: int, metric: RunMetric) -> MeanEstimate:
        """Statistics of any metric, not only of those in the table."""
        known = self.estimates.get((index, metric))
        return known or metric.estimate(self.cells[index].samples)

    def set_interval(self, index: int, metric: RunMetric) -> tuple[float, float] | None:
        """Wilson's interval of a single run with the mean accuracy of a cell, for the size of the split.

        None for training scores and other metrics, and if the size is unknown or differs between runs.
        """
        if metric.scale is not Scale.proportion or metric.split == "train":
            return None
        mean = self.estimate(index, metric).mean
        sizes = {run.get(f"{SIZES}{metric.split}") for run in self.cells[index].samples}
        size = sizes.pop() if len(sizes) == 1 else None
        return wilson(mean, size) if mean is not None and size else None


def make_study(frame: "pandas.DataFrame", options: ReportOptions | None = None) -> Study:
    """Group the runs of `load_runs` into cells and compute what a report shows.

    Args:
        frame: from `load_runs`.
        options: what the report shows.

    Raises:
        RunFolderError: if no run can be read, or a requested key or metric does not exist.
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
    """The version keys (data, code) that must separate cells: runs of several versions are never averaged."""
    cells = cells_of(rows, keys)
    several = [key for key in (DATA, CODE) if key not in keys and versions_of(rows, key)]
    return [key for key in several if always or any(versions_of(cell.runs, key) for cell in cells)]


def _varies_within(cells: Sequence[Cell], key: str) -> bool:
    """Whether a cell has several values of a key; a key that varies with those of the table has one."""
    return any(len({run.get(key, ABSENT) for run in cell.runs}) > 1 for cell in cells)


def _asked(by: Sequence[str], known: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(find_key(word, [*known, "name", "seed"], "--by") for word in by))


def _estimates(
    cells: Sequence[Cell], metrics: Sequence[RunMetric]
) -> dict[tuple[int, RunMetric], MeanEstimate]:
    return {
        (index, metric): metric.estimate(cell.samples)
        for index, cell in enumerate(cells)
        for metric in metrics
    }


def _fixed(rows: Sequence[Row], keys: Sequence[str]) -> dict[str, object]:
    """The keys whose value is the same in all runs."""
    return {
        key: rows[0][key]
        for key in keys
        if all(key in row for row in rows) and len({row[key] for row in rows}) == 1
    }
