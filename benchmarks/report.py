"""What a scenario found, as plain data; pages and plots are made of it elsewhere."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf, isnan
from typing import Any, Self

# Losses count as the same if they are within this of ours, relative. Float32 sums in another order give 3e-8
# after some thousand steps of the MLP and 1e-6 for the CNN, whose kinks make more of it; a factor that is
# rounded at each step, or a forgotten penalty, gives more.
TOLERANCE = 5e-6


@dataclass(frozen=True)
class Comparison:
    """Sides that did the same work in turn.

    Args:
        title: what was done.
        unit: of the numbers.
        ours: name of our side.
        rounds: side -> a number a round, lower is faster.
        losses: side -> training loss of each run after all rounds; empty where there is none to compare.
        absent: side that was not measured -> why.
        matmul: torch's float32 matrix-product setting, for ours and for all sides made of torch.
    """

    title: str
    unit: str
    ours: str
    rounds: Mapping[str, Sequence[float]]
    losses: Mapping[str, Sequence[float]] = field(default_factory=dict)
    absent: Mapping[str, str] = field(default_factory=dict)
    matmul: str = "highest"

    def ratios(self, side: str) -> list[float]:
        """Ours over a side's, round by round: what disturbs the machine for a while disturbs both."""
        pairs = zip(self.rounds[self.ours], self.rounds[side], strict=True)
        return [mine / theirs for mine, theirs in pairs]

    def differences(self) -> dict[str, float]:
        """Largest relative difference of a run's loss to ours, of every other side."""
        mine = self.losses.get(self.ours, ())
        return {
            side: max(_apart(*pair) for pair in zip(losses, mine, strict=True))
            for side, losses in self.losses.items()
            if side != self.ours
        }

    def disagreements(self) -> list[str]:
        """A sentence for each side that has computed something else; a loss that is NaN agrees with none."""
        return [
            f"{self.title}: the loss of {side} differs from ours by {difference:.1e} (relative), at most "
            f"{TOLERANCE:.0e} is allowed"
            for side, difference in self.differences().items()
            if not difference <= TOLERANCE
        ]


def _apart(theirs: float, ours: float) -> float:
    """Relative difference; infinite where either is not a number, which `max` would pass over."""
    difference = abs(theirs / ours - 1)
    return inf if isnan(difference) else difference


@dataclass(frozen=True)
class Aim:
    """A number that is to be reached.

    Args:
        what: is measured.
        limit: to be met by the median.
        values: one a round; empty: not measured.
        hope: a further aim; None: there is none.
        at_least: the limit is a lower one.
        unit: of all these numbers; empty for a ratio.
        reason: why it was not measured, or what to know about the number.
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
    """Any other table: a heading a column, rows of finished text."""

    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Curve:
    """Medians of each side along a quantity; a plot of the page."""

    name: str
    title: str
    x_label: str
    y_label: str
    x: Sequence[float]
    sides: Mapping[str, Sequence[float]]


@dataclass(frozen=True)
class Report:
    """All that one scenario has to say.

    Args:
        title: a line.
        notes: sentences to know before the numbers.
        wrong: what disagrees; anything here makes the benchmark fail.
    """

    title: str
    notes: Sequence[str] = ()
    comparisons: Sequence[Comparison] = ()
    aims: Sequence[Aim] = ()
    tables: Sequence[Table] = ()
    curves: Sequence[Curve] = ()
    wrong: Sequence[str] = ()

    def disagreements(self) -> list[str]:
        """A sentence for everything that was computed differently."""
        return [*self.wrong, *(line for each in self.comparisons for line in each.disagreements())]

    @classmethod
    def from_tree(cls, tree: Mapping[str, Any]) -> Self:
        """The report that `dataclasses.asdict` has taken apart."""
        parts = {"comparisons": Comparison, "aims": Aim, "tables": Table, "curves": Curve}
        built = {name: [kind(**each) for each in tree[name]] for name, kind in parts.items()}
        return cls(**{**tree, **built})


def aim_against(
    comparison: Comparison, side: str, limit: float, hope: float | None = None, what: str = ""
) -> Aim:
    """The aim that ours takes at most `limit` times as long as a side."""
    what = f"{what or comparison.title}: {comparison.ours} / {side}"
    if side in comparison.rounds:
        return Aim(what, limit, comparison.ratios(side), hope)
    return Aim(what, limit, hope=hope, reason=comparison.absent.get(side, "not among the sides"))
