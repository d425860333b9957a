"""Results of a scenario as plain data, from which pages and plots are made."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf, isnan
from typing import Any, Self

# Losses count as equal within this relative difference to dlhw's. Float32 sums in another order give 3e-8
# after some thousand steps of the MLP and 1e-6 for the CNN, whose kinks amplify it; a factor that is
# rounded at each step, or a forgotten penalty, gives more.
TOLERANCE = 5e-6


@dataclass(frozen=True)
class Comparison:
    """Sides that took turns to do the same work.

    Args:
        title: what was done.
        unit: of the numbers.
        dlhw_side: name of dlhw's side.
        rounds: side -> one number per round, lower is faster.
        losses: side -> training loss of each run after all rounds; empty where there is none to compare.
        absent: side that was not measured -> why.
        matmul: torch's float32 matrix-product setting, for dlhw and for all sides made with torch.
    """

    title: str
    unit: str
    dlhw_side: str
    rounds: Mapping[str, Sequence[float]]
    losses: Mapping[str, Sequence[float]] = field(default_factory=dict)
    absent: Mapping[str, str] = field(default_factory=dict)
    matmul: str = "highest"

    def ratios(self, side: str) -> list[float]:
        """dlhw's time divided by a side's, round by round: what slows the machine for a while slows both."""
        pairs = zip(self.rounds[self.dlhw_side], self.rounds[side], strict=True)
        return [own / other for own, other in pairs]

    def differences(self) -> dict[str, float]:
        """Largest relative difference of a run's loss to dlhw's, for every other side."""
        own_losses = self.losses.get(self.dlhw_side, ())
        return {
            side: max(_apart(*pair) for pair in zip(losses, own_losses, strict=True))
            for side, losses in self.losses.items()
            if side != self.dlhw_side
        }

    def disagreements(self) -> list[str]:
        """A sentence for each side with another result; a loss that is NaN agrees with none."""
        return [
            f"{self.title}: the loss of {side} differs from dlhw's by {difference:.1e} (relative), at most "
            f"{TOLERANCE:.0e} is allowed"
            for side, difference in self.differences().items()
            if not difference <= TOLERANCE
        ]


def _apart(other: float, own: float) -> float:
    """Relative difference; infinite if either is NaN, which `max` would ignore."""
    difference = abs(other / own - 1)
    return inf if isnan(difference) else difference


@dataclass(frozen=True)
class Aim:
    """A number to be reached.

    Args:
        what: what is measured.
        limit: limit for the median.
        values: one per round; empty: not measured.
        hope: a more ambitious limit, or None.
        at_least: whether the limit is a lower limit.
        unit: unit of all these numbers; empty for a ratio.
        reason: why it was not measured, or a remark on the number.
    """

    what: str
    limit: float
    values: Sequence[float] = ()
    hope: float | None = None
    at_least: bool = False
    unit: str = ""
    reason: str = ""

    @property
    def value(self) -> float | None:
        """Median of the rounds."""
        return statistics.median(self.values) if self.values else None

    @property
    def verdict(self) -> str:
        """One of met, not met, not measured."""
        if self.value is None:
            return "not measured"
        is_met = self.value >= self.limit if self.at_least else self.value <= self.limit
        return "met" if is_met else "not met"


@dataclass(frozen=True)
class Table:
    """Any other table: one heading per column, rows of finished text."""

    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Curve:
    """Medians of each side against a quantity; a plot of the page."""

    name: str
    title: str
    x_label: str
    y_label: str
    x: Sequence[float]
    sides: Mapping[str, Sequence[float]]


@dataclass(frozen=True)
class Report:
    """All results of one scenario.

    Args:
        title: a line.
        notes: sentences above the numbers.
        wrong: disagreements; any entry makes the benchmark fail.
    """

    title: str
    notes: Sequence[str] = ()
    comparisons: Sequence[Comparison] = ()
    aims: Sequence[Aim] = ()
    tables: Sequence[Table] = ()
    curves: Sequence[Curve] = ()
    wrong: Sequence[str] = ()

    def disagreements(self) -> list[str]:
        """A sentence for every disagreement."""
        return [*self.wrong, *(line for item in self.comparisons for line in item.disagreements())]

    @classmethod
    def from_tree(cls, tree: Mapping[str, Any]) -> Self:
        """Rebuild a report from the output of `dataclasses.asdict`."""
        parts = {"comparisons": Comparison, "aims": Aim, "tables": Table, "curves": Curve}
        built = {name: [kind(**item) for item in tree[name]] for name, kind in parts.items()}
        return cls(**{**tree, **built})


def aim_against(
    comparison: Comparison, side: str, limit: float, hope: float | None = None, what: str = ""
) -> Aim:
    """The aim that dlhw takes at most `limit` times as long as a side."""
    what = f"{what or comparison.title}: {comparison.dlhw_side} / {side}"
    if side in comparison.rounds:
        return Aim(what, limit, comparison.ratios(side), hope)
    return Aim(what, limit, hope=hope, reason=comparison.absent.get(side, "not among the sides"))
