"""Ours beside the published numbers, and the checks: what agrees, what does not, what was not run."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from dlhw.config.experiment import ExperimentConfig, refuse_unknown_keys
from dlhw.config.published import PublishedConfig
from dlhw.config.rule import CheckConfig
from dlhw.reporting.captions import warnings
from dlhw.reporting.metrics import Metric, metric_of
from dlhw.reporting.rules import Found, found_by
from dlhw.reporting.selection import NotRun, Selection, known_keys
from dlhw.reporting.statistics import Estimate
from dlhw.reporting.study import Study

# A mean of fewer seeds says little of how the next seed would come out, and the tables say so.
ENOUGH_SEEDS = 3


class Verdict(StrEnum):
    """Of one published number or one check."""

    yes = "yes"
    no = "no"
    not_run = "not run"


@dataclass(frozen=True, kw_only=True)
class Beside:
    """A published number and ours.

    Args:
        published: what the experiment says.
        metric: of both.
        estimate: ours, over seeds.
        nearest: of the published values, the one that ours is nearest to; None without ours.
        missing: why there is none of ours; empty where there is.
    """

    published: PublishedConfig
    metric: Metric
    estimate: Estimate
    nearest: float | None = None
    missing: str = ""

    @property
    def difference(self) -> float | None:
        """Ours minus the nearest published value."""
        if self.estimate.mean is None or self.nearest is None:
            return None
        return self.estimate.mean - self.nearest

    @property
    def verdict(self) -> Verdict:
        """|mean - nearest| <= tolerance, or low <= mean <= high."""
        mean, difference = self.estimate.mean, self.difference
        if mean is None or difference is None:
            return Verdict.not_run
        told = self.published
        if told.tolerance is not None:
            return _verdict(abs(difference) <= told.tolerance)
        assert told.low is not None
        assert told.high is not None
        return _verdict(told.low <= mean <= told.high)


@dataclass(frozen=True, kw_only=True)
class Checked:
    """A check and what was found."""

    check: CheckConfig
    found: Found

    @property
    def verdict(self) -> Verdict:
        return Verdict.not_run if self.found.holds is None else _verdict(self.found.holds)


def _verdict(holds: bool) -> Verdict:
    return Verdict.yes if holds else Verdict.no


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """All of an experiment.

    Args:
        experiment: that was judged.
        published: in the experiment's order.
        checks: in the experiment's order.
        few: the numbers of seeds below three that means are of.
        warnings: what every table of the study repeats.
    """

    experiment: ExperimentConfig
    published: Sequence[Beside]
    checks: Sequence[Checked]
    few: Sequence[int]
    warnings: Sequence[str] = ()

    @property
    def deciding(self) -> list[Checked]:
        """The checks that the verdict depends on."""
        return [each for each in self.checks if each.check.decides]

    @property
    def claims(self) -> list[Checked]:
        """The others: claims of the text that our runs may not show."""
        return [each for each in self.checks if not each.check.decides]

    @property
    def verdicts(self) -> list[Verdict]:
        return [each.verdict for each in self.published] + [each.verdict for each in self.deciding]

    @property
    def verdict(self) -> Verdict:
        """no if anything disagrees, else "not run" if anything is missing, else yes."""
        for verdict in (Verdict.no, Verdict.not_run):
            if verdict in self.verdicts:
                return verdict
        return Verdict.yes

    @property
    def agrees(self) -> bool:
        """Whether everything was run and agrees."""
        return self.verdict is Verdict.yes

    @property
    def headline(self) -> str:
        """Such as `published numbers: 8 of 8 agree; checks: 1 of 2 hold, 1 not run`."""
        told = [
            _counted("published numbers", "agree", [each.verdict for each in self.published]),
            _counted("checks", "hold", [each.verdict for each in self.deciding]),
            _counted("further claims", "shown", [each.verdict for each in self.claims]),
        ]
        return "; ".join(each for each in told if each) or "nothing to compare with"


def _counted(what: str, verb: str, verdicts: Sequence[Verdict]) -> str:
    counts = Counter(verdicts)
    missing = f", {counts[Verdict.not_run]} not run" if counts[Verdict.not_run] else ""
    return f"{what}: {counts[Verdict.yes]} of {len(verdicts)} {verb}{missing}" if verdicts else ""


def judge(study: Study, experiment: ExperimentConfig) -> Agreement:
    """Compare the runs of a study with what an experiment says.

    Args:
        study: of the experiment's runs; what its table shows does not matter.
        experiment: its published numbers and checks.

    Raises:
        ConfigError: if the experiment names a config key that no run has.
    """
    refuse_unknown_keys(experiment, known_keys(study))
    selection = Selection.of(study)
    published = [_beside(each, selection) for each in experiment.published]
    checks = [Checked(check=check, found=found_by(check, selection)) for check in experiment.checks]
    counts = {len(cell.counted) for cell in selection.cells}
    few = sorted(count for count in counts if 0 < count < ENOUGH_SEEDS)
    return Agreement(
        experiment=experiment, published=published, checks=checks, few=few, warnings=warnings(study)
    )


def _beside(published: PublishedConfig, selection: Selection) -> Beside:
    metric = metric_of(published.metric)
    try:
        found = selection.estimate(selection.one(published.cell), metric)
    except NotRun as error:
        return Beside(published=published, metric=metric, estimate=Estimate(0), missing=str(error))
    mean = found.mean
    assert mean is not None
    nearest = min(published.values, key=lambda value: abs(value - mean))
    return Beside(published=published, metric=metric, estimate=found, nearest=nearest)
