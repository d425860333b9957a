"""The verdict about an experiment: published numbers, checks, claims of the write-up, and what is missing."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from dlhw.config.experiment import ExperimentConfig, refuse_unknown_keys
from dlhw.config.experiment_entries import CheckConfig, PublishedConfig
from dlhw.reporting.captions import warnings
from dlhw.reporting.cells import Cell
from dlhw.reporting.check_rules import CheckResult, apply_rule
from dlhw.reporting.evidence import Bounds, Evidence, Support, evidence
from dlhw.reporting.formatting import many
from dlhw.reporting.judge import missing_runs
from dlhw.reporting.metrics import RunMetric, metric_of
from dlhw.reporting.selection import CellSelection, MissingResult, known_keys
from dlhw.reporting.statistics import MeanEstimate
from dlhw.reporting.study import Study

# Experiments of this source reproduce nothing that was published.
OWN_SOURCE = "ours"


class Verdict(StrEnum):
    """About one published value or one check."""

    yes = "yes"
    no = "no"
    undecided = "undecided"
    missing = "incomplete"


class ExperimentVerdict(StrEnum):
    """About an experiment; `docs/user/experiments.md` says when it is which."""

    reproduced = "reproduced"
    consistent = "consistent"
    own = "own"
    refuted_claim = "refuted claim"
    undecided = "undecided"
    incomplete = "incomplete"
    disagrees = "DISAGREES"
    nothing = "nothing to compare with"


# Verdicts that `--check` does not let pass.
FAILING = (ExperimentVerdict.disagrees, ExperimentVerdict.incomplete, ExperimentVerdict.undecided)
VERDICTS = {
    Support.shown: Verdict.yes,
    Support.not_shown: Verdict.undecided,
    Support.contradicted: Verdict.no,
    None: Verdict.missing,
}


@dataclass(frozen=True, kw_only=True)
class PublishedComparison:
    """One published value and dlhw's.

    Args:
        published: the entry of the experiment.
        index: place of the value among the entry's values.
        metric: of both.
        estimate: dlhw's, over seeds.
        evidence: the mean's interval against what is allowed; None without a number of dlhw.
        missing: why there is none, or why it does not count; empty where it does.
        cell: that the number is of; None without one.
    """

    published: PublishedConfig
    index: int
    metric: RunMetric
    estimate: MeanEstimate
    evidence: Evidence | None = None
    missing: str = ""
    cell: Cell | None = None

    @property
    def value(self) -> float:
        """As published."""
        return self.published.values[self.index]

    @property
    def source(self) -> str:
        """The report that the value is from."""
        return self.published.source_of(self.index)

    @property
    def difference(self) -> float | None:
        """dlhw's mean minus the published value."""
        return None if self.estimate.mean is None else self.estimate.mean - self.value

    @property
    def decides(self) -> bool:
        """Whether the experiment's verdict depends on it: a disputed value decides nothing."""
        return self.published.disputed is None

    @property
    def verdict(self) -> Verdict:
        """Equivalence at 5 %: the 90 % interval of the mean is inside what is allowed, outside or across."""
        return VERDICTS[None if self.evidence is None else self.evidence.support]


@dataclass(frozen=True, kw_only=True)
class EvaluatedCheck:
    """A check and its result."""

    check: CheckConfig
    result: CheckResult

    @property
    def verdict(self) -> Verdict:
        return VERDICTS[self.result.support]


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """An experiment, judged.

    Args:
        experiment: that was judged.
        published: one per published value, in the experiment's order.
        checks: in the experiment's order.
        missing: runs that are missing, in words; the verdict is then at best "incomplete".
        warnings: what every table of the study repeats.
    """

    experiment: ExperimentConfig
    published: Sequence[PublishedComparison]
    checks: Sequence[EvaluatedCheck]
    missing: Sequence[str] = ()
    warnings: Sequence[str] = ()

    @property
    def deciding_values(self) -> list[PublishedComparison]:
        """The published values that the verdict depends on."""
        return [comparison for comparison in self.published if comparison.decides]

    @property
    def disputed(self) -> list[PublishedComparison]:
        """The published values that cannot be right as printed."""
        return [comparison for comparison in self.published if not comparison.decides]

    @property
    def deciding(self) -> list[EvaluatedCheck]:
        """The checks that the verdict depends on."""
        return [evaluated for evaluated in self.checks if evaluated.check.decides]

    @property
    def claims(self) -> list[EvaluatedCheck]:
        """The other checks: claims of the write-up."""
        return [evaluated for evaluated in self.checks if not evaluated.check.decides]

    @property
    def refuted(self) -> list[EvaluatedCheck]:
        """Claims of the write-up that the runs contradict."""
        return [evaluated for evaluated in self.claims if evaluated.verdict is Verdict.no]

    @property
    def verdicts(self) -> list[Verdict]:
        """Of everything that the experiment's verdict depends on."""
        values = [comparison.verdict for comparison in self.deciding_values]
        return values + [evaluated.verdict for evaluated in self.deciding]

    @property
    def verdict(self) -> ExperimentVerdict:
        """The worst of what was compared; else by what it rests on."""
        if Verdict.no in self.verdicts:
            return ExperimentVerdict.disagrees
        if not (self.published or self.checks):
            return ExperimentVerdict.nothing
        if self.missing or Verdict.missing in self.verdicts:
            return ExperimentVerdict.incomplete
        if Verdict.undecided in self.verdicts:
            return ExperimentVerdict.undecided
        return self._rests_on()

    def _rests_on(self) -> ExperimentVerdict:
        if self.deciding_values:
            return ExperimentVerdict.reproduced
        if self.deciding:
            is_own = self.experiment.source == OWN_SOURCE
            return ExperimentVerdict.own if is_own else ExperimentVerdict.consistent
        return ExperimentVerdict.refuted_claim if self.refuted else ExperimentVerdict.nothing

    @property
    def passes(self) -> bool:
        """Whether `--check` lets it pass: nothing disagrees, is undecided or is missing."""
        return self.verdict not in FAILING

    @property
    def seeds(self) -> str:
        """Such as `n = 3`, or `n = 1 to 3`: the seeds that what decides rests on; empty without results."""
        numbers = [item.evidence.n for item in self.deciding_values if item.evidence is not None]
        numbers += [item.result.n for item in self.deciding if item.result.support is not None]
        if not numbers:
            return ""
        least, most = min(numbers), max(numbers)
        return f"n = {least}" if least == most else f"n = {least} to {most}"

    @property
    def counts(self) -> str:
        """Such as `7 of 8 published values agree, 1 undecided; 2 of 2 checks shown`."""
        values = [item.verdict for item in self.deciding_values]
        checks = [item.verdict for item in self.deciding]
        disputed = f"{len(self.disputed)} disputed" if self.disputed else ""
        claims = [item.verdict for item in self.claims]
        counts = [
            counted("published values", values, {Verdict.no: "disagree"}, "agree", disputed),
            counted("checks", checks, {Verdict.no: "contradicted"}, "shown"),
            counted("claims of the write-up", claims, CLAIM_WORDS, "shown"),
        ]
        return "; ".join(count for count in counts if count)

    @property
    def headline(self) -> str:
        """Such as `reproduced, n = 3: 8 of 8 published values agree`, with what is missing."""
        verdict = ", ".join(part for part in (self.verdict.value, self.seeds) if part)
        parts = [self.counts, f"missing: {'; '.join(self.missing)}" if self.missing else ""]
        text = "; ".join(part for part in parts if part)
        return f"{verdict}: {text}" if text else verdict


CLAIM_WORDS = {Verdict.no: "refuted", Verdict.undecided: "not shown"}


def counted(
    what: str, verdicts: Sequence[Verdict], words: dict[Verdict, str], good: str, more: str = ""
) -> str:
    """Such as `2 of 4 checks shown, 1 contradicted, 1 undecided`; empty without any."""
    if not (verdicts or more):
        return ""
    counts = Counter(verdicts)
    others = [
        f"{counts[verdict]} {words.get(verdict, verdict.value)}"
        for verdict in (Verdict.no, Verdict.undecided, Verdict.missing)
        if counts[verdict]
    ]
    head = f"{counts[Verdict.yes]} of {len(verdicts)} {what} {good}"
    return ", ".join([head, *others, *([more] if more else [])])


def judge(study: Study, experiment: ExperimentConfig) -> Agreement:
    """Compare the runs of a study with what an experiment says.

    With a single seed (n = 1) the values themselves decide, so nothing is undecided.

    Args:
        study: of the experiment's runs; what its table shows does not matter.
        experiment: its published numbers and checks.

    Raises:
        ConfigError: if the experiment names a config key that no run has.
        RunFolderError: if the ledger of a sweep is damaged.
    """
    refuse_unknown_keys(experiment, known_keys(study))
    selection = CellSelection.of(study)
    return Agreement(
        experiment=experiment,
        published=[
            _compared(entry, index, selection)
            for entry in experiment.published
            for index in range(len(entry.values))
        ],
        checks=[
            EvaluatedCheck(check=check, result=apply_rule(check, selection)) for check in experiment.checks
        ],
        missing=missing_runs(study, selection),
        warnings=warnings(study),
    )


def _compared(entry: PublishedConfig, index: int, selection: CellSelection) -> PublishedComparison:
    metric, estimate, cell = metric_of(entry.metric), MeanEstimate(0), None
    try:
        cell = selection.one(entry.cell)
        estimate = selection.estimate(cell, metric)
        values = selection.sample(cell, metric)
    except MissingResult as error:
        return PublishedComparison(
            published=entry, index=index, metric=metric, estimate=estimate, missing=str(error), cell=cell
        )
    return PublishedComparison(
        published=entry,
        index=index,
        metric=metric,
        estimate=estimate,
        evidence=_against(entry, entry.values[index], values),
        cell=cell,
    )


def _against(entry: PublishedConfig, value: float, values: Sequence[float]) -> Evidence:
    """The differences from the published value against the tolerance, or the values against a range."""
    if entry.tolerance is not None:
        return evidence([own - value for own in values], Bounds(-entry.tolerance, entry.tolerance))
    assert entry.low is not None
    assert entry.high is not None
    return evidence(values, Bounds(entry.low, entry.high))


def independent_looks(agreement: Agreement) -> str:
    """How many independent samples the published values were compared with, in a sentence.

    Cells that share a seed share splits, initial parameters and order of batches: each seed is one look.
    Deterministic cells count once.
    """
    cells = {id(item.cell): item.cell for item in agreement.published if item.cell is not None}
    random = [cell for cell in cells.values() if not cell.is_deterministic]
    seeds = {run.get("seed") for cell in random for run in cell.counted}
    looks = len(seeds) + len(cells) - len(random)
    if len(agreement.published) <= looks or not looks:
        return ""
    return (
        f"{many(len(agreement.published), 'comparison')} of {many(len(cells), 'configuration')}, but only "
        f"{many(looks, 'independent look')}: configurations share their seeds, and several values are of "
        "the same runs."
    )
