"""`experiment.checks`: rules that results must follow where no number was published."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum, auto
from typing import Any, ClassVar

from omegaconf import MISSING

from dlhw.config.group import at_least
from dlhw.config.listed import Listed, bounds_problems
from dlhw.config.metric_name import metric_problems
from dlhw.errors import listing


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
    value = auto()  # type: ignore[assignment]  # enum keeps apart a member of this name and `.value`
    """the mean of the cell, or of every matching cell, is within `tolerance` of `value`"""


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
    Rule.value: (("value", "tolerance"), ("cell",)),
}
OPTIONS = tuple(dict.fromkeys(name for reads in READS.values() for part in reads for name in part))
BOUNDED = (Rule.range, Rule.gap, Rule.ratio)
PAIRS = (Rule.gap, Rule.ratio)


@dataclass(kw_only=True)
class CheckConfig(Listed):
    """A rule that the results must follow, with the claim that it decides."""

    place: ClassVar[str] = "experiment.checks"

    rule: Rule = MISSING
    """range, decreasing, increasing, order, gap, ratio, equal, peak, best or value"""
    claim: str = MISSING
    """a sentence for the report"""
    metric: str = MISSING
    """column of `dlhw.load_runs`"""
    decides: bool = True
    """false: a claim of the write-up; reported as shown or refuted, and ignored by the verdict"""
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
    """best: the cell; value: only this cell"""
    value: float | None = None
    """value: a level that theory or a deterministic run gives"""
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
        for name in OPTIONS:
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
