"""Node `experiment`: the question that a sweep answers, published numbers, rules that must hold, figures.

It does not change what a run computes, so it is not part of a run's identity. Reports judge by it.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dlhw.config.experiment_entries import (
    CheckConfig,
    FigureConfig,
    ListEntry,
    MutationConfig,
    PublishedConfig,
    RecipeConfig,
    metric_problems,
)
from dlhw.config.group import MISSING, Group, at_least
from dlhw.errors import ConfigError, did_you_mean


@dataclass(kw_only=True)
class ExperimentConfig(Group):
    """One table or figure of a write-up: its question, published numbers and rules that must hold."""

    source: str = MISSING
    """source of the experiment; the folder under conf/experiment"""
    name: str = MISSING
    """name of the experiment; the file in that folder"""
    question: str = MISSING
    """the question that it answers, in one sentence"""
    note: str | None = None
    """what a reader must know about the numbers, such as settings found by trial and error"""
    needs: str | None = None
    """name of a data set whose files are not available everywhere, such as octmnist"""
    quick: bool = False
    """whether it is exact, needs no files and takes seconds, so that `dlhw-reproduce --quick` includes it"""
    by: list[str] | None = None
    """keys that get a column of the table; null: the swept ones"""
    metrics: list[str] = field(default_factory=list)
    """metrics of the table; empty: accuracies, or losses for regression"""
    published: list[PublishedConfig] = field(default_factory=list)
    """published numbers, each compared with dlhw's"""
    checks: list[CheckConfig] = field(default_factory=list)
    """rules that the results must satisfy where no number was published"""
    figures: list[FigureConfig] = field(default_factory=list)
    """figures of the report; empty: the default ones"""
    evaluate: bool = False
    """whether the saved parameters of each run are evaluated again at the end, as dlhw-eval does"""
    mutations: list[MutationConfig] = field(default_factory=list)
    """wrong recipes that `dlhw-reproduce --falsify` must detect"""
    mutation_seeds: int = 1
    """number of seeds of a falsification; more than 1 if the checks hold for means, not for single runs"""
    recipe: RecipeConfig = field(default_factory=RecipeConfig)
    """which settings are stated, inferred or fitted, and what the tolerances are based on"""

    @property
    def label(self) -> str:
        """Name on the command line, such as `cs7643/lr`."""
        return f"{self.source}/{self.name}"

    @property
    def command(self) -> str:
        """The command that runs it."""
        return f"dlhw-train experiment={self.label}"

    def problems(self) -> Iterator[str]:
        yield from at_least("experiment.mutation_seeds", self.mutation_seeds, 1)
        for index, metric in enumerate(self.metrics):
            yield from metric_problems(f"experiment.metrics[{index}]", metric)
        lists: tuple[Sequence[ListEntry], ...] = (self.published, self.checks, self.figures, self.mutations)
        for entries in lists:
            for index, entry in enumerate(entries):
                yield from entry.problems_at(f"{entry.list_key}[{index}]")

    def deciding_values(self) -> list[float]:
        """The published values that the verdict depends on."""
        return [value for entry in self.published if entry.disputed is None for value in entry.values]

    def metric_names(self) -> list[str]:
        """Every metric named by the table, a published number, a check or a figure."""
        drawn = [name for figure in self.figures for name in (figure.metric, figure.x, figure.y) if name]
        compared = [entry.metric for entry in self.published] + [check.metric for check in self.checks]
        return list(dict.fromkeys([*self.metrics, *compared, *drawn]))

    def keys(self) -> Iterator[tuple[str, str]]:
        """Every config key that is named, as (where it is named, key)."""
        yield from (("experiment.by", key) for key in self.by or [])
        for index, entry in enumerate(self.published):
            yield from _named(f"{entry.list_key}[{index}].cell", entry.cell)
        for index, check in enumerate(self.checks):
            where = f"{check.list_key}[{index}]"
            yield from _named(f"{where}.where", check.where)
            yield from _named(f"{where}.cell", check.cell or {})
            for number, cell in enumerate(check.cells or []):
                yield from _named(f"{where}.cells[{number}]", cell)
            if check.along is not None:
                yield f"{where}.along", check.along
        for index, figure in enumerate(self.figures):
            yield from _named(f"{figure.list_key}[{index}].where", figure.where)
            if figure.group is not None:
                yield f"{figure.list_key}[{index}].group", figure.group


def refuse_unknown_keys(experiment: ExperimentConfig, known: Collection[str]) -> None:
    """Refuse keys that no run has: they would select nothing.

    Args:
        experiment: whose table, cells, checks and figures name keys.
        known: every config key of every run.

    Raises:
        ConfigError: with one sentence for each such key.
    """
    problems = [
        f"{where} names {key}, which no run of this sweep has{did_you_mean(key, known)}"
        for where, key in experiment.keys()
        if key not in known
    ]
    if problems:
        raise ConfigError("\n".join(dict.fromkeys(problems)))


def _named(where: str, cell: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield from ((where, key) for key in cell)
