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
        yield from bounds_problems(key, self.low, self.high)
