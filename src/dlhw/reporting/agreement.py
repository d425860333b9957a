"""Agreement of an experiment's runs with its published numbers, its checks and the claims of its write-up."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from dlhw.config.experiment import ExperimentConfig
from dlhw.config.experiment_entries import CheckConfig, PublishedConfig
from dlhw.reporting.cells import Cell
from dlhw.reporting.check_rules import CheckResult
from dlhw.reporting.evidence import Evidence, Support
from dlhw.reporting.formatting import many
from dlhw.reporting.metrics import RunMetric
from dlhw.reporting.statistics import MeanEstimate

# Experiments of this source are dlhw's own: nothing was published to reproduce.
OWN_SOURCE = "ours"


class Verdict(StrEnum):
    """The verdict about one published value or one check."""

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


# The verdicts with which `--check` fails.
FAILING = (ExperimentVerdict.disagrees, ExperimentVerdict.incomplete, ExperimentVerdict.undecided)
VERDICTS = {
    Support.shown: Verdict.yes,
    Support.not_shown: Verdict.undecided,
    Support.contradicted: Verdict.no,
    None: Verdict.missing,
}


@dataclass(frozen=True, kw_only=True)
class PublishedComparison:
    """One published value compared with dlhw's.

    Args:
        published: the entry of the experiment.
        index: of the value among the entry's values.
        metric: of both values.
        estimate: dlhw's value, over seeds.
        evidence: the interval of dlhw's mean against the allowed range; None without a number.
        missing: the reason why there is no number to compare; empty otherwise.
        cell: whose runs are compared; None if there is none.
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
        """The published value."""
        return self.published.values[self.index]

    @property
    def source(self) -> str:
        """The report that published the value."""
        return self.published.source_of(self.index)

    @property
    def difference(self) -> float | None:
        """dlhw's mean minus the published value."""
        return None if self.estimate.mean is None else self.estimate.mean - self.value

    @property
    def decides(self) -> bool:
        """Whether the experiment's verdict depends on it; it does not depend on a disputed value."""
        return self.published.disputed is None

    @property
    def verdict(self) -> Verdict:
        """Equivalence test at 5 %: whether the 90 % interval of the mean lies in the allowed range."""
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
    """A judged experiment.

    Args:
        experiment: the experiment.
        published: one comparison per published value, in the experiment's order.
        checks: the evaluated checks, in the experiment's order.
        missing: missing runs, in words; with any, the verdict is at best "incomplete".
        warnings: sentences that every table of the study repeats.
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
        """The published values that cannot be correct as printed."""
        return [comparison for comparison in self.published if not comparison.decides]

    @property
    def deciding(self) -> list[EvaluatedCheck]:
        """The checks that the verdict depends on."""
        return [evaluated for evaluated in self.checks if evaluated.check.decides]

    @property
    def claims(self) -> list[EvaluatedCheck]:
        """The other checks, which are claims of the write-up."""
        return [evaluated for evaluated in self.checks if not evaluated.check.decides]

    @property
    def refuted(self) -> list[EvaluatedCheck]:
        """Claims of the write-up that the runs contradict."""
        return [evaluated for evaluated in self.claims if evaluated.verdict is Verdict.no]

    @property
    def verdicts(self) -> list[Verdict]:
        """The verdicts that the experiment's verdict depends on."""
        values = [comparison.verdict for comparison in self.deciding_values]
        return values + [evaluated.verdict for evaluated in self.deciding]

    @property
    def verdict(self) -> ExperimentVerdict:
        """The worst of the verdicts that decide; if all are good, what they are based on."""
        if Verdict.no in self.verdicts:
            return ExperimentVerdict.disagrees
        if not (self.published or self.checks):
            return ExperimentVerdict.nothing
        if self.missing or Verdict.missing in self.verdicts:
            return ExperimentVerdict.incomplete
        if Verdict.undecided in self.verdicts:
            return ExperimentVerdict.undecided
        return self._basis()

    def _basis(self) -> ExperimentVerdict:
        if self.deciding_values:
            return ExperimentVerdict.reproduced
        if self.deciding:
            is_own = self.experiment.source == OWN_SOURCE
            return ExperimentVerdict.own if is_own else ExperimentVerdict.consistent
        return ExperimentVerdict.refuted_claim if self.refuted else ExperimentVerdict.nothing

    @property
    def passes(self) -> bool:
        """Whether `--check` succeeds: nothing disagrees, is undecided or is missing."""
        return self.verdict not in FAILING

    @property
    def seeds(self) -> str:
        """The number of seeds behind the verdict, such as `n = 3` or `n = 1 to 3`; empty without results."""
        numbers = [item.evidence.n for item in self.deciding_values if item.evidence is not None]
        numbers += [item.result.n for item in self.deciding if item.result.support is not None]
        if not numbers:
            return ""
        least, most = min(numbers), max(numbers)
        return f"n = {least}" if least == most else f"n = {least} to {most}"

    @property
    def counts(self) -> str:
        """Counts of verdicts, such as `7 of 8 published values agree, 1 undecided; 2 of 2 checks shown`."""
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
        """Verdict, counts and missing runs, such as `reproduced, n = 3: 8 of 8 published values agree`."""
        verdict = ", ".join(text for text in (self.verdict.value, self.seeds) if text)
        texts = [self.counts, f"missing: {'; '.join(self.missing)}" if self.missing else ""]
        text = "; ".join(text for text in texts if text)
        return f"{verdict}: {text}" if text else verdict


CLAIM_WORDS = {Verdict.no: "refuted", Verdict.undecided: "not shown"}


def counted(
    what: str, verdicts: Sequence[Verdict], words: dict[Verdict, str], good: str, more: str = ""
) -> str:
    """Counts of verdicts, such as `2 of 4 checks shown, 1 contradicted, 1 undecided`; empty without any."""
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


def independent_looks(agreement: Agreement) -> str:
    """A sentence with the number of independent samples behind the comparisons; empty if all are independent.

    Cells that share a seed share splits, initial parameters and order of batches, so each seed is one sample.
    A deterministic cell is one sample.
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
