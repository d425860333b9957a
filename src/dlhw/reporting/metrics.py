"""Metrics: what is measured of a run, under which name, and which way is better."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dlhw.config.experiment_entries import DERIVED, SCORE
from dlhw.errors import RunFolderError, did_you_mean
from dlhw.reporting.frames import SCORES, SIZES
from dlhw.reporting.statistics import MeanEstimate, Scale, estimate
from dlhw.reporting.swept_keys import Row

PARTS = {"train": "train", "val": "validation", "test": "test"}
DEFAULT = ("final/train", "final/val", "selected/test")
# Numbers of a run that are no scores, and can be tabled as well.
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


# What a procedure told, such as `values.errors`.
VALUE = "values."


@dataclass(frozen=True)
class RunMetric:
    """A column of numbers, such as `final/val/accuracy`: when, on which part, what; or `values.errors`."""

    name: str

    @property
    def part(self) -> str:
        """train, val or test; empty for what is no score."""
        return self.name.split("/")[1] if SCORE.fullmatch(self.name) else ""

    @property
    def kind(self) -> str:
        """accuracy, loss, or the name itself."""
        return self.name.rpartition("/")[2].removeprefix(VALUE)

    @property
    def is_higher_better(self) -> bool:
        return self.kind == "accuracy" and bool(self.part)

    @property
    def scale(self) -> Scale:
        """Its range, which its intervals stay in; values that a procedure reports may be any number."""
        derived = self.name.partition("/")[0] if DERIVED.fullmatch(self.name) else ""
        if derived == "error" or (self.kind == "accuracy" and self.part):
            return Scale.proportion
        is_positive = bool(self.part) or derived in POSITIVE or self.name in COUNTS
        return Scale.positive if is_positive else Scale.linear

    @property
    def label(self) -> str:
        """As a heading: "validation accuracy, final"."""
        if DERIVED.fullmatch(self.name):
            return _derived_label(*self.name.split("/"))
        if self.name.startswith(SIZES):
            return f"{PARTS.get(self.kind, self.kind)} samples"
        if not self.part:
            return COUNTS.get(self.name, self.kind.replace("_", " "))
        return f"{PARTS.get(self.part, self.part)} {self.kind}, {self.name.split('/')[0]}"

    def value(self, row: Row) -> float | None:
        """Of one run; None where it was not measured or is not finite."""
        value: Any = row.get(self.name)
        return float(value) if isinstance(value, int | float) and math.isfinite(value) else None

    def values(self, rows: Sequence[Row]) -> list[float]:
        """Of those runs that have one."""
        return [value for row in rows if (value := self.value(row)) is not None]

    def estimate(self, rows: Sequence[Row]) -> MeanEstimate:
        """Mean and interval over those runs that have a value."""
        return estimate(self.measurements(self.values(rows)), self.scale)

    def measurements(self, values: Sequence[Any]) -> Sequence[Any]:
        """The independent ones: runs that train together are timed once, so equal times count once."""
        is_one = self.name in TIMES and len(set(values)) == 1
        return values[:1] if is_one else values


def _derived_label(kind: str, what: str, *rest: str) -> str:
    if kind == "squared_norm":
        return f"squared norm of the {what}"
    if kind == "roughness":
        return f"roughness of the {what}"
    if kind == "error":
        return f"{PARTS[what]} error rate"
    if kind == "gap":
        return f"{PARTS[what]} {rest[1]} minus {PARTS[rest[0]]} {rest[1]}"
    return CURVE_LABELS[kind].format(f"{PARTS[what]} {rest[0]}")


def metric_of(name: str) -> RunMetric:
    """A metric as an experiment names it; `final.train.accuracy` is `final/train/accuracy` too."""
    return RunMetric(name.replace(".", "/") if SCORE.fullmatch(name) or DERIVED.fullmatch(name) else name)


def find_metrics(rows: Sequence[Row], columns: Sequence[str], names: Sequence[str] | None) -> list[RunMetric]:
    """The metrics asked for, or those that suit the runs.

    Raises:
        RunFolderError: if a name is unknown.
    """
    known = [name for name in columns if name.startswith(SCORES) or name in COUNTS]
    if not names:
        told = [RunMetric(name) for name in columns if name.startswith(VALUE)]
        return default_metrics(rows) or told
    for name in names:
        if name not in known:
            near = did_you_mean(name, known) or f"; there are {', '.join(known)}"
            raise RunFolderError(f"--metrics: the runs have no metric {name}{near}")
    return [RunMetric(name) for name in dict.fromkeys(names)]


def default_metrics(rows: Sequence[Row]) -> list[RunMetric]:
    """Accuracy after training and on test data; losses where no run has an accuracy."""
    for kind in ("accuracy", "loss"):
        metrics = [RunMetric(f"{when}/{kind}") for when in DEFAULT]
        measured = [metric for metric in metrics if metric.values(rows)]
        if measured:
            return measured
    return []
