"""`experiment.published`: numbers of a write-up, to stand beside ours."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

from omegaconf import MISSING

from dlhw.config.group import at_least
from dlhw.config.listed import Listed, bounds_problems
from dlhw.config.metric_name import metric_problems


@dataclass(kw_only=True)
class PublishedConfig(Listed):
    """Published numbers of one cell, one per report; each is compared with dlhw's by itself."""

    place: ClassVar[str] = "experiment.published"

    metric: str = MISSING
    """column of `dlhw.load_runs`, such as final/train/accuracy"""
    values: list[float] = MISSING
    """as published; one per report where several report it"""
    cell: dict[str, Any] = field(default_factory=dict)
    """key -> value, enough to name one cell"""
    tolerance: float | None = None
    """largest distance that counts as agreement, in units of the metric"""
    low: float | None = None
    """least number that counts as agreement, in place of a tolerance"""
    high: float | None = None
    """largest such number"""
    source: str = ""
    """which report; for several values their reports in order, such as S1/S2"""
    disputed: str | None = None
    """why the number cannot be right as printed; it is shown, and decides nothing"""

    def source_of(self, index: int) -> str:
        """The report that `values[index]` is from."""
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
