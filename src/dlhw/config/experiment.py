"""Node `experiment`: the question that a sweep answers, published numbers, rules that must hold, figures.

Nothing of it changes what a run computes: it is no part of a run's identity, and a report judges by it.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from omegaconf import MISSING

from dlhw.config.experiment_entries import (
    CheckConfig,
    FigureConfig,
    Listed,
    MutationConfig,
    PublishedConfig,
    RecipeConfig,
    metric_problems,
)
from dlhw.config.group import Group, at_least
from dlhw.errors import ConfigError, did_you_mean


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
    """name of a data set whose files are not available everywhere, such as octmnist"""
    quick: bool = False
    """whether it is exact, needs no files and takes seconds, so that `dlhw-reproduce --quick` includes it"""
    by: list[str] | None = None
    """keys of the table; null: the swept ones"""
    metrics: list[str] = field(default_factory=list)
    """columns of the table; empty: accuracies, or losses"""
    published: list[PublishedConfig] = field(default_factory=list)
    """numbers of the write-up, each compared with dlhw's"""
    checks: list[CheckConfig] = field(default_factory=list)
    """rules for what has no published number"""
    figures: list[FigureConfig] = field(default_factory=list)
    """of the report; empty: the usual ones"""
    evaluate: bool = False
    """whether the saved parameters of each run are measured again at the end, as by dlhw-eval"""
    mutations: list[MutationConfig] = field(default_factory=list)
    """wrong recipes that `dlhw-reproduce --falsify` must detect"""
    mutation_seeds: int = 1
    """seeds of a falsification; above 1 where the checks hold for means, not for single runs"""
    recipe: RecipeConfig = field(default_factory=RecipeConfig)
    """which settings are stated, inferred or fitted, and what the tolerances rest on"""

    @property
    def label(self) -> str:
        """As on the command line, such as `cs7643/lr`."""
        return f"{self.source}/{self.name}"

    @property
    def command(self) -> str:
        """That runs it."""
        return f"dlhw-train experiment={self.label}"

    def problems(self) -> Iterator[str]:
        yield from at_least("experiment.mutation_seeds", self.mutation_seeds, 1)
        for place, metric in enumerate(self.metrics):
            yield from metric_problems(f"experiment.metrics[{place}]", metric)
        entries: tuple[Sequence[Listed], ...] = (self.published, self.checks, self.figures, self.mutations)
        for listed in entries:
            for place, entry in enumerate(listed):
                yield from entry.problems_at(f"{entry.place}[{place}]")

    def deciding_values(self) -> list[float]:
        """The published values that the verdict depends on."""
        return [value for entry in self.published if entry.disputed is None for value in entry.values]

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
