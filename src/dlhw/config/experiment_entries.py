"""What an experiment lists: published numbers, rules that results must follow, figures, wrong recipes."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum, auto
from typing import Any, ClassVar

from dlhw.config.group import MISSING, Group, at_least
from dlhw.errors import listing


@dataclass(kw_only=True)
class ListEntry(Group):
    """An entry of one of an experiment's lists; its problems name its position in the list."""

    list_key: ClassVar[str] = ""
    """dotted key of the list"""

    def problems_at(self, key: str) -> Iterator[str]:
        """The problems of the entry whose key is `key`, such as `experiment.checks[0]`."""
        yield from ()


def bounds_problems(key: str, low: float | None, high: float | None) -> Iterator[str]:
    """Problem unless the given bounds are numbers and low <= high."""
    if any(bound is not None and math.isnan(bound) for bound in (low, high)):
        yield f"{key}.low and high must be numbers"
    elif low is not None and high is not None and low > high:
        yield f"{key}.low must be <= high, got {low} and {high}"


SCORE = re.compile(r"(final|best|selected)[./](train|val|test)[./](loss|accuracy)")
_CURVE = r"(train|val)[./](loss|accuracy)"
# Metrics computed from a run's files when an experiment names them: kind -> what may follow it.
DERIVED_KINDS = {
    "spread": _CURVE,
    "jump": _CURVE,
    "rise": _CURVE,
    "best_at": _CURVE,
    "period": _CURVE,
    "gap": r"(train|val)[./](val|test)[./](loss|accuracy)",
    "error": r"(train|val|test)",
    "squared_norm": r"(weights|biases|parameters)",
    "roughness": r"weights",
}
DERIVED = re.compile("|".join(f"{kind}[./]{rest}" for kind, rest in DERIVED_KINDS.items()))
COUNT = re.compile(r"epochs|steps|best_epoch|(own_)?seconds|num_parameters|diverged_at|values\..+")
METRICS = (
    "final|best|selected/train|val|test/loss|accuracy, "
    "spread|jump|rise|best_at|period/train|val/loss|accuracy, "
    "gap/train/val|test/loss|accuracy, error/train|val|test, squared_norm/weights|biases|parameters, "
    "roughness/weights, values.NAME, epochs, steps or another count"
)


def metric_problems(key: str, metric: str | None) -> Iterator[str]:
    """Problem unless a run can have a metric of that name."""
    if metric is None or not any(known.fullmatch(metric) for known in (SCORE, DERIVED, COUNT)):
        yield f"{key} must be {METRICS}, got {'null' if metric is None else metric}"


@dataclass(kw_only=True)
class PublishedConfig(ListEntry):
    """Published numbers of one cell, one per report; each is compared with dlhw's separately."""

    list_key: ClassVar[str] = "experiment.published"

    metric: str = MISSING
    """metric, a column of `dlhw.load_runs` such as final/train/accuracy"""
    values: list[float] = MISSING
    """the published numbers, one per report"""
    cell: dict[str, Any] = field(default_factory=dict)
    """key -> value, enough to select one cell"""
    tolerance: float | None = None
    """largest difference that counts as agreement, in units of the metric"""
    low: float | None = None
    """smallest number that counts as agreement, instead of a tolerance"""
    high: float | None = None
    """largest number that counts as agreement"""
    source: str = ""
    """name of the report; for several values their reports in order, such as S1/S2"""
    disputed: str | None = None
    """why the number cannot be right as printed; it is shown but does not count for the verdict"""

    def source_of(self, index: int) -> str:
        """The report that published `values[index]`."""
        sources = self.source.split("/")
        return sources[index] if len(self.values) == len(sources) else self.source

    def problems_at(self, key: str) -> Iterator[str]:
        yield from metric_problems(f"{key}.metric", self.metric)
        if not self.values:
            yield f"{key}.values must hold at least one number, got []"
        n = len(self.values)
        if "/" in self.source and 1 < n != len(self.source.split("/")):
            yield f"{key}.source must name one report for each of {n} values, got {self.source}"
        if self.disputed is not None and not self.disputed.strip():
            yield f"{key}.disputed must say why the number cannot be right, got an empty text"
        given = (self.tolerance is not None, self.low is not None, self.high is not None)
        if given not in ((True, False, False), (False, True, True)):
            yield f"{key} must have either a tolerance, or low and high"
        if self.tolerance is not None:
            yield from at_least(f"{key}.tolerance", self.tolerance, 0)
        yield from bounds_problems(key, self.low, self.high)


class Rule(StrEnum):
    """What a check compares; means are taken over the seeds of a cell."""

    range = auto()
    """the mean of every matching cell is in [low, high]"""
    decreasing = auto()
    """along a key each mean is below the one before, or above it by at most `slack`"""
    increasing = auto()
    """along a key each mean is above the one before, or below it by at most `slack`"""
    order = auto()
    """the means of the cells increase strictly in the given order"""
    gap = auto()
    """mean of the first cell minus that of the second is in [low, high]"""
    ratio = auto()
    """mean of the first cell over that of the second is in [low, high]"""
    equal = auto()
    """for each seed, the values of the cells differ by at most `tolerance`"""
    peak = auto()
    """along a key the largest mean is at a value, and more than `ratio` times both neighbours"""
    best = auto()
    """every other matching cell is worse: lower in an accuracy, higher in any other metric"""
    value = auto()  # type: ignore[assignment]  # enum keeps apart a member of this name and `.value`
    """the mean of the cell, or of every matching cell, is within `tolerance` of `value`"""


# Rule -> required and optional fields; all rules also have rule, claim, metric and where.
READS: dict[Rule, tuple[tuple[str, ...], tuple[str, ...]]] = {
    Rule.range: ((), ("low", "high")),
    Rule.decreasing: (("along",), ("slack",)),
    Rule.increasing: (("along",), ("slack",)),
    Rule.order: (("cells",), ()),
    Rule.gap: (("cells",), ("low", "high")),
    Rule.ratio: (("cells",), ("low", "high")),
    Rule.equal: (("cells", "tolerance"), ()),
    Rule.peak: (("along", "at", "ratio"), ()),
    Rule.best: (("cell",), ()),
    Rule.value: (("value", "tolerance"), ("cell",)),
}
RULE_FIELDS = tuple(dict.fromkeys(name for reads in READS.values() for names in reads for name in names))
BOUNDED = (Rule.range, Rule.gap, Rule.ratio)
PAIRS = (Rule.gap, Rule.ratio)


@dataclass(kw_only=True)
class CheckConfig(ListEntry):
    """A rule that the results must satisfy, with the claim that it decides."""

    list_key: ClassVar[str] = "experiment.checks"

    rule: Rule = MISSING
    """range, decreasing, increasing, order, gap, ratio, equal, peak, best or value"""
    claim: str = MISSING
    """the claim in one sentence, for the report"""
    metric: str = MISSING
    """metric, a column of `dlhw.load_runs`"""
    decides: bool = True
    """false: only a claim of the write-up, reported as shown or refuted and ignored by the verdict"""
    where: dict[str, Any] = field(default_factory=dict)
    """key -> value: only cells with these values"""
    along: str | None = None
    """decreasing, increasing, peak: the key along which cells are compared, in ascending order"""
    slack: float | None = None
    """decreasing, increasing: how far a step may go in the wrong direction (default 0: strictly monotonic)"""
    low: float | None = None
    """range, gap, ratio: smallest number"""
    high: float | None = None
    """range, gap, ratio: largest number"""
    cells: list[dict[str, Any]] | None = None
    """order, gap, ratio, equal: the cells to compare"""
    cell: dict[str, Any] | None = None
    """best: the cell that must be best; value: only this cell"""
    value: float | None = None
    """value: a level known from theory or from a deterministic run"""
    tolerance: float | None = None
    """equal: largest difference; value: largest distance from `value`"""
    at: Any = None
    """peak: value of `along`"""
    ratio: float | None = None
    """peak: the neighbours must be smaller than 1 / ratio of it"""

    def problems_at(self, key: str) -> Iterator[str]:
        yield from metric_problems(f"{key}.metric", self.metric)
        needed, optional = READS[self.rule]
        for name in needed:
            if getattr(self, name) is None:
                yield f"{key}.{name} must be given for rule={self.rule}"
        for name in RULE_FIELDS:
            if getattr(self, name) is not None and name not in needed + optional:
                rules = listing(rule for rule, reads in READS.items() if name in reads[0] + reads[1])
                yield f"{key}.{name} is only read by rule {rules}, got rule={self.rule}"
        if self.rule in BOUNDED and self.low is None and self.high is None:
            yield f"{key} must have low, high or both for rule={self.rule}"
        yield from bounds_problems(key, self.low, self.high)
        if self.tolerance is not None:
            yield from at_least(f"{key}.tolerance", self.tolerance, 0)
        yield from self._cells_problems(key)

    def _cells_problems(self, key: str) -> Iterator[str]:
        if self.cells is None:
            return
        if self.rule in PAIRS and len(self.cells) != 2:
            yield f"{key}.cells must be two for rule={self.rule}, got {len(self.cells)}"
        elif len(self.cells) < 2:
            yield f"{key}.cells must be two or more for rule={self.rule}, got {len(self.cells)}"


class FigureKind(StrEnum):
    """What a figure shows."""

    learning = auto()
    """a metric against epochs or steps"""
    against = auto()
    """a metric against a swept key, with a line for each value of another"""
    scatter = auto()
    """a metric against another, with a point for each run"""
    heat = auto()
    """a metric over two swept keys"""
    weights = auto()
    """the first layer's weights as images"""
    regions = auto()
    """decision regions of a model with two inputs"""


class Theory(StrEnum):
    """Curves known in closed form, drawn beside the measurements."""

    double_descent = auto()


@dataclass(kw_only=True)
class FigureConfig(ListEntry):
    """A figure of the report; its kind determines which fields it reads."""

    list_key: ClassVar[str] = "experiment.figures"

    kind: FigureKind = MISSING
    """learning, against, scatter, heat, weights or regions"""
    metric: str | None = None
    """learning, against, heat: metric to draw; null: the first metric of the table"""
    parts: list[str] = field(default_factory=list)
    """learning: which of train, val and test to draw; empty: all that were measured"""
    x: str | None = None
    """learning: epoch or step; against, heat: a key; scatter: a metric"""
    y: str | None = None
    """scatter: a metric; heat: a key"""
    group: str | None = None
    """key that lines or colours are grouped by"""
    log: bool = False
    """learning: logarithmic metric axis"""
    log_x: bool = False
    """against, scatter: logarithmic x axis"""
    log_y: bool = False
    """against, scatter: logarithmic y axis"""
    theory: Theory | None = None
    """against: a curve known in closed form: double_descent"""
    layer: str | None = None
    """weights: name of the layer"""
    columns: str | None = None
    """weights: what the columns are"""
    where: dict[str, Any] = field(default_factory=dict)
    """key -> value: only cells with these values"""
    title: str | None = None
    """caption; null: composed of the metric and the keys"""
    alt: str | None = None
    """alternative text for readers who cannot see the figure"""

    def problems_at(self, key: str) -> Iterator[str]:
        for split in self.parts:
            if split not in ("train", "val", "test"):
                yield f"{key}.parts must hold train, val or test, got {split}"
        if self.kind is FigureKind.learning and self.x not in (None, "epoch", "step"):
            yield f"{key}.x must be epoch or step for kind=learning, got {self.x}"
        if self.kind is FigureKind.scatter:
            for name in ("x", "y"):
                yield from metric_problems(f"{key}.{name}", getattr(self, name))
        elif self.metric is not None and self.kind is not FigureKind.learning:
            yield from metric_problems(f"{key}.metric", self.metric)


@dataclass(kw_only=True)
class MutationConfig(ListEntry):
    """A deliberately wrong recipe, which `dlhw-reproduce --falsify` runs and must detect."""

    list_key: ClassVar[str] = "experiment.mutations"

    change: Any = MISSING
    """override that makes the experiment wrong, such as optimizer.lr=0.02, or a list of overrides"""
    name: str = ""
    """name in tables, if the overrides are too long; empty: the overrides"""
    visible: bool = True
    """false: the experiment's table cannot show this mistake, for the given reason"""
    reason: str = ""
    """why the mistake cannot be detected; required with visible=false"""

    @property
    def overrides(self) -> list[str]:
        """The overrides as a list, even if there is only one."""
        return list(self.change) if isinstance(self.change, list | tuple) else [self.change]

    @property
    def text(self) -> str:
        """The overrides as on a command line."""
        return " ".join(map(str, self.overrides))

    @property
    def label(self) -> str:
        """Name on the console."""
        return self.name or self.text

    def problems_at(self, key: str) -> Iterator[str]:
        for override in self.overrides:
            if not (isinstance(override, str) and override.partition("=")[1]):
                yield f"{key}.change must be KEY=VALUE or a list of them, got {override}"
        if not self.overrides:
            yield f"{key}.change must be KEY=VALUE or a list of them, got []"
        if not self.visible and not self.reason.strip():
            yield f"{key}.reason must be given with visible=false"


@dataclass(kw_only=True)
class RecipeConfig(Group):
    """Where the settings and the tolerances come from, in sentences."""

    stated: list[str] = field(default_factory=list)
    """settings stated in the write-up"""
    inferred: list[str] = field(default_factory=list)
    """settings inferred from the write-up's code, figures or conventions"""
    fitted: list[str] = field(default_factory=list)
    """settings chosen because they reproduce the published numbers"""
    tolerance: str = ""
    """what the tolerances rest on"""
