"""Metrics of runs: their names, labels and scales, and which direction is better."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dlhw.config.experiment_entries import DERIVED, SCORE
from dlhw.errors import RunFolderError, did_you_mean
from dlhw.reporting.frames import SCORES, SIZES
from dlhw.reporting.statistics import MeanEstimate, Scale, estimate
from dlhw.reporting.swept_keys import Row

SPLIT_NAMES = {"train": "train", "val": "validation", "test": "test"}
DEFAULT = ("final/train", "final/val", "selected/test")
# Numbers of a run that are not scores but can be columns of a table.
COUNTS = {
    "epochs": "epochs",
    "steps": "steps",
    "best_epoch": "best epoch",
    "seconds": "seconds",
    "own_seconds": "seconds, a run's own",
    "num_parameters": "parameters",
}


# Measured once for all runs that train together.
TIMES = ("seconds", "own_seconds")
# Derived metrics that cannot be negative.
POSITIVE = ("spread", "jump", "best_at", "period", "squared_norm", "roughness")
# Derived from a curve -> heading.
CURVE_LABELS = {
    "spread": "standard deviation of {}, second half",
    "jump": "mean step of {} between evaluations, second half",
    "rise": "rise of {} in the last evaluation",
    "best_at": "epoch of the best {}",
    "period": "steps after which {} repeats, second half",
}


# Numbers that a procedure reports, such as `values.errors`.
VALUE = "values."


@dataclass(frozen=True)
class RunMetric:
    """A column of numbers, such as `final/val/accuracy` (when, split, kind) or `values.errors`."""

    name: str

    @property
    def split(self) -> str:
        """train, val or test; empty if the metric is not a score."""
        return self.name.split("/")[1] if SCORE.fullmatch(self.name) else ""

    @property
    def kind(self) -> str:
        """accuracy, loss, or the name itself."""
        return self.name.rpartition("/")[2].removeprefix(VALUE)

    @property
    def is_higher_better(self) -> bool:
        return self.kind == "accuracy" and bool(self.split)

    @property
    def scale(self) -> Scale:
        """The range of its values, inside which intervals stay; numbers reported by a procedure have none."""
        derived = self.name.partition("/")[0] if DERIVED.fullmatch(self.name) else ""
        if derived == "error" or (self.kind == "accuracy" and self.split):
            return Scale.proportion
        is_positive = bool(self.split) or derived in POSITIVE or self.name in COUNTS
        return Scale.positive if is_positive else Scale.linear

    @property
    def label(self) -> str:
        """The heading of its column, such as "validation accuracy, final"."""
        if DERIVED.fullmatch(self.name):
            return _derived_label(*self.name.split("/"))
        if self.name.startswith(SIZES):
            return f"{SPLIT_NAMES.get(self.kind, self.kind)} samples"
        if not self.split:
            return COUNTS.get(self.name, self.kind.replace("_", " "))
        return f"{SPLIT_NAMES.get(self.split, self.split)} {self.kind}, {self.name.split('/')[0]}"

    def value(self, row: Row) -> float | None:
        """The value of one run; None if it was not measured or is not finite."""
        value: Any = row.get(self.name)
        return float(value) if isinstance(value, int | float) and math.isfinite(value) else None

    def values(self, rows: Sequence[Row]) -> list[float]:
        """The values of the runs that have one."""
        return [value for row in rows if (value := self.value(row)) is not None]

    def estimate(self, rows: Sequence[Row]) -> MeanEstimate:
        """Mean and interval over the runs that have a value."""
        return estimate(self.measurements(self.values(rows)), self.scale)

    def measurements(self, values: Sequence[Any]) -> Sequence[Any]:
        """The independent values: runs that train together are timed once, so equal times count once."""
        is_one = self.name in TIMES and len(set(values)) == 1
        return values[:1] if is_one else values


def _derived_label(kind: str, what: str, *rest: str) -> str:
    if kind == "squared_norm":
        return f"squared norm of the {what}"
    if kind == "roughness":
        return f"roughness of the {what}"
    if kind == "error":
        return f"{SPLIT_NAMES[what]} error rate"
    if kind == "gap":
        return f"{SPLIT_NAMES[what]} {rest[1]} minus {SPLIT_NAMES[rest[0]]} {rest[1]}"
    return CURVE_LABELS[kind].format(f"{SPLIT_NAMES[what]} {rest[0]}")


def metric_of(name: str) -> RunMetric:
    """The metric that an experiment names; `final.train.accuracy` means `final/train/accuracy`."""
    return RunMetric(name.replace(".", "/") if SCORE.fullmatch(name) or DERIVED.fullmatch(name) else name)


def find_metrics(rows: Sequence[Row], columns: Sequence[str], names: Sequence[str] | None) -> list[RunMetric]:
    """The requested metrics, or the default ones for these runs.

    Raises:
        RunFolderError: if a name is unknown.
    """
    known = [name for name in columns if name.startswith(SCORES) or name in COUNTS]
    if not names:
        reported = [RunMetric(name) for name in columns if name.startswith(VALUE)]
        return default_metrics(rows) or reported
    for name in names:
        if name not in known:
            near = did_you_mean(name, known) or f"; there are {', '.join(known)}"
            raise RunFolderError(f"--metrics: the runs have no metric {name}{near}")
    return [RunMetric(name) for name in dict.fromkeys(names)]


def default_metrics(rows: Sequence[Row]) -> list[RunMetric]:
    """Accuracies after training and on test data; losses if no run has an accuracy."""
    for kind in ("accuracy", "loss"):
        metrics = [RunMetric(f"{when}/{kind}") for when in DEFAULT]
        measured = [metric for metric in metrics if metric.values(rows)]
        if measured:
            return measured
    return []
