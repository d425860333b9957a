"""Node `experiment`: the question that a sweep answers, published numbers, rules that must hold, figures.

Nothing of it changes what a run computes: it is no part of a run's identity, and a report judges by it.
"""

import math
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum, auto
from typing import Any, ClassVar

from omegaconf import MISSING

from dlhw.config.group import Group, at_least
from dlhw.errors import ConfigError, did_you_mean, listing

SCORE = re.compile(r"(final|best|selected)[./](train|val|test)[./](loss|accuracy)")
DERIVED = re.compile(r"spread[./](train|val)[./](loss|accuracy)|squared_norm[./](weights|parameters)")
COUNT = re.compile(r"epochs|steps|best_epoch|seconds|num_parameters|diverged_at|values\..+")
METRICS = (
    "final|best|selected/train|val|test/loss|accuracy, spread/train|val/loss|accuracy, squared_norm/weights, "
    "values.NAME, epochs, steps or another count"
)


class Rule(StrEnum):
    """What a check compares; means are over the seeds of a cell."""

    range = auto()
    """every matching cell's mean is in [low, high]"""
    decreasing = auto()
    """along a key each mean is below the one before, or above it by at most `slack`"""
    increasing = auto()
    """along a key each mean is above the one before, or below it by at most `slack`"""
    order = auto()
    """the means of the cells rise strictly in the order given"""
    gap = auto()
    """mean of the first cell minus that of the second is in [low, high]"""
    ratio = auto()
    """mean of the first cell over that of the second is in [low, high]"""
    equal = auto()
    """of each seed, the cells' values differ by at most `tolerance`"""
    peak = auto()
    """along a key the largest mean is at a value, and more than `ratio` times both neighbours"""
    best = auto()
    """every other matching cell is worse than this one: has less accuracy, else more of the metric"""


# Rule -> what must be given, what may be given; beside rule, claim, metric and where, which all have.
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
}
OPTIONS = tuple(dict.fromkeys(name for reads in READS.values() for part in reads for name in part))
BOUNDED = (Rule.range, Rule.gap, Rule.ratio)
PAIRS = (Rule.gap, Rule.ratio)


class FigureKind(StrEnum):
    """What a figure shows."""

    learning = auto()
    """a metric against epochs or steps"""
    against = auto()
    """a metric against a swept key, a line for each value of another"""
    scatter = auto()
    """a metric against another, a point a run"""
    heat = auto()
    """a metric over two swept keys"""
    weights = auto()
    """the first layer's weights as images"""
    regions = auto()
    """what a model of two inputs decides where"""


class Theory(StrEnum):
    """Curves known in closed form, drawn beside what was measured."""

    double_descent = auto()


@dataclass(kw_only=True)
class Listed(Group):
    """An entry of one of the lists below; its problems are told with its place in the list."""

    place: ClassVar[str] = ""

    def problems_at(self, key: str) -> Iterator[str]:
        """As `problems`, of the entry `key`, such as `experiment.checks[0]`."""
        yield from ()


@dataclass(kw_only=True)
class PublishedConfig(Listed):
    """A published number of one cell.

    Ours agrees if the mean over seeds is within `tolerance` of the nearest value; with `low` and `high`
    instead, if it is between them.
    """

    place: ClassVar[str] = "experiment.published"

    metric: str = MISSING
    """column of `dlhw.load_runs`, such as final/train/accuracy"""
    values: list[float] = MISSING
    """as published; more than one where reports differ"""
    cell: dict[str, Any] = field(default_factory=dict)
    """key -> value, enough to name one cell"""
    tolerance: float | None = None
    """largest distance to the nearest value that counts as agreement, in units of the metric"""
    low: float | None = None
    """least number that counts as agreement, in place of a tolerance"""
    high: float | None = None
    """largest such number"""
    source: str = ""
    """which report"""

    def problems_at(self, key: str) -> Iterator[str]:
        yield from metric_problems(f"{key}.metric", self.metric)
        if not self.values:
            yield f"{key}.values must hold at least one number, got []"
        given = (self.tolerance is not None, self.low is not None, self.high is not None)
        if given not in ((True, False, False), (False, True, True)):
            yield f"{key} must have either a tolerance, or low and high"
        if self.tolerance is not None:
            yield from at_least(f"{key}.tolerance", self.tolerance, 0)
        yield from _bounds_problems(key, self.low, self.high)


@dataclass(kw_only=True)
class CheckConfig(Listed):
    """A rule that the results must follow, with the claim that it decides."""

    place: ClassVar[str] = "experiment.checks"

    rule: Rule = MISSING
    """range, decreasing, increasing, order, gap, ratio, equal, peak or best"""
    claim: str = MISSING
    """a sentence for the report"""
    metric: str = MISSING
    """column of `dlhw.load_runs`"""
    where: dict[str, Any] = field(default_factory=dict)
    """only cells with these values"""
    along: str | None = None
    """decreasing, increasing, peak: the key to go along, numbers ascending"""
    slack: float | None = None
    """decreasing, increasing: so much may be against the direction (default 0: strictly)"""
    low: float | None = None
    """range, gap, ratio: least number"""
    high: float | None = None
    """range, gap, ratio: largest number"""
    cells: list[dict[str, Any]] | None = None
    """order, gap, ratio, equal: the cells to compare"""
    cell: dict[str, Any] | None = None
    """best: the cell"""
    tolerance: float | None = None
    """equal: largest difference"""
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
        for name in OPTIONS:
            if getattr(self, name) is not None and name not in needed + optional:
                rules = listing(rule for rule, reads in READS.items() if name in reads[0] + reads[1])
                yield f"{key}.{name} is only read by rule {rules}, got rule={self.rule}"
        if self.rule in BOUNDED and self.low is None and self.high is None:
            yield f"{key} must have low, high or both for rule={self.rule}"
        yield from _bounds_problems(key, self.low, self.high)
        yield from self._cells_problems(key)

    def _cells_problems(self, key: str) -> Iterator[str]:
        if self.cells is None:
            return
        if self.rule in PAIRS and len(self.cells) != 2:
            yield f"{key}.cells must be two for rule={self.rule}, got {len(self.cells)}"
        elif len(self.cells) < 2:
            yield f"{key}.cells must be two or more for rule={self.rule}, got {len(self.cells)}"


@dataclass(kw_only=True)
class FigureConfig(Listed):
    """A figure of the report; which fields it reads is said by the figure's kind."""

    place: ClassVar[str] = "experiment.figures"

    kind: FigureKind = MISSING
    """learning, against, scatter, heat, weights or regions"""
    metric: str | None = None
    """learning, against, heat: what is drawn; null: the first of the table"""
    parts: list[str] = field(default_factory=list)
    """learning: of train, val and test; empty: all that were measured"""
    x: str | None = None
    """learning: epoch or step; against, heat: a key; scatter: a metric"""
    y: str | None = None
    """scatter: a metric; heat: a key"""
    group: str | None = None
    """key whose values get a line or a colour each"""
    log: bool = False
    """learning: logarithmic metric"""
    log_x: bool = False
    """against, scatter: logarithmic abscissa"""
    log_y: bool = False
    """against, scatter: logarithmic ordinate"""
    theory: Theory | None = None
    """against: a curve known in closed form: double_descent"""
    layer: str | None = None
    """weights: name of the layer"""
    columns: str | None = None
    """weights: what a column is"""
    where: dict[str, Any] = field(default_factory=dict)
    """only cells with these values"""
    title: str | None = None
    """caption; null: made of the metric and the keys"""
    alt: str | None = None
    """what a reader who cannot see it should know"""

    def problems_at(self, key: str) -> Iterator[str]:
        for part in self.parts:
            if part not in ("train", "val", "test"):
                yield f"{key}.parts must hold train, val or test, got {part}"
        if self.kind is FigureKind.learning and self.x not in (None, "epoch", "step"):
            yield f"{key}.x must be epoch or step for kind=learning, got {self.x}"
        if self.kind is FigureKind.scatter:
            for name in ("x", "y"):
                yield from metric_problems(f"{key}.{name}", getattr(self, name))
        elif self.metric is not None and self.kind is not FigureKind.learning:
            yield from metric_problems(f"{key}.metric", self.metric)


@dataclass(kw_only=True)
class ExperimentConfig(Group):
    """One table or figure of a write-up: what it asks, what was published, what must hold."""

    source: str = MISSING
    """where it comes from; folder under conf/experiment"""
    name: str = MISSING
    """of the experiment; file in that folder"""
    question: str = MISSING
    """what it answers, in one sentence"""
    note: str | None = None
    """what must be known to read the numbers, such as recipe details that were found by trying"""
    needs: str | None = None
    """data that cannot be had everywhere, such as octmnist"""
    by: list[str] | None = None
    """keys of the table; null: the swept ones"""
    metrics: list[str] = field(default_factory=list)
    """columns of the table; empty: accuracies, or losses"""
    published: list[PublishedConfig] = field(default_factory=list)
    """numbers to stand beside ours"""
    checks: list[CheckConfig] = field(default_factory=list)
    """rules for what has no published number"""
    figures: list[FigureConfig] = field(default_factory=list)
    """of the report; empty: the usual ones"""

    @property
    def label(self) -> str:
        """As on the command line, such as `cs7643/lr`."""
        return f"{self.source}/{self.name}"

    @property
    def command(self) -> str:
        """That runs it."""
        return f"dlhw-train experiment={self.label}"

    def problems(self) -> Iterator[str]:
        for place, metric in enumerate(self.metrics):
            yield from metric_problems(f"experiment.metrics[{place}]", metric)
        entries: tuple[Sequence[Listed], ...] = (self.published, self.checks, self.figures)
        for listed in entries:
            for place, entry in enumerate(listed):
                yield from entry.problems_at(f"{entry.place}[{place}]")

    def metric_names(self) -> list[str]:
        """Every metric that the table, a published number, a check or a figure names."""
        drawn = [name for figure in self.figures for name in (figure.metric, figure.x, figure.y) if name]
        compared = [each.metric for each in self.published] + [check.metric for check in self.checks]
        return list(dict.fromkeys([*self.metrics, *compared, *drawn]))

    def keys(self) -> Iterator[tuple[str, str]]:
        """Every config key that is named, with where."""
        yield from (("experiment.by", key) for key in self.by or [])
        for place, entry in enumerate(self.published):
            yield from _named(f"{entry.place}[{place}].cell", entry.cell)
        for place, check in enumerate(self.checks):
            where = f"{check.place}[{place}]"
            yield from _named(f"{where}.where", check.where)
            yield from _named(f"{where}.cell", check.cell or {})
            for number, cell in enumerate(check.cells or []):
                yield from _named(f"{where}.cells[{number}]", cell)
            if check.along is not None:
                yield f"{where}.along", check.along
        for place, figure in enumerate(self.figures):
            yield from _named(f"{figure.place}[{place}].where", figure.where)
            if figure.group is not None:
                yield f"{figure.place}[{place}].group", figure.group


def refuse_unknown_keys(experiment: ExperimentConfig, known: Collection[str]) -> None:
    """A key that no run has selects nothing, whatever happens.

    Args:
        experiment: whose table, cells, checks and figures name keys.
        known: every config key of every run.

    Raises:
        ConfigError: with one sentence for each such key.
    """
    told = [
        f"{where} names {key}, which no run of this sweep has{did_you_mean(key, known)}"
        for where, key in experiment.keys()
        if key not in known
    ]
    if told:
        raise ConfigError("\n".join(dict.fromkeys(told)))


def _named(where: str, cell: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield from ((where, key) for key in cell)


def metric_problems(key: str, metric: str | None) -> Iterator[str]:
    """Problem unless a run can have a column of that name."""
    if metric is None or not any(known.fullmatch(metric) for known in (SCORE, DERIVED, COUNT)):
        yield f"{key} must be {METRICS}, got {'null' if metric is None else metric}"


def _bounds_problems(key: str, low: float | None, high: float | None) -> Iterator[str]:
    if any(bound is not None and math.isnan(bound) for bound in (low, high)):
        yield f"{key}.low and high must be numbers"
    elif low is not None and high is not None and low > high:
        yield f"{key}.low must be <= high, got {low} and {high}"
