"""The outcome of one experiment, as a line, a record and a row of counts."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum, auto
from typing import Any

from dlhw.display import duration
from dlhw.reporting.agreement import CLAIM_WORDS, FAILING, Agreement, ExperimentVerdict, Verdict
from dlhw.reporting.document import Document
from dlhw.reporting.formatting import NONE, many, number_text
from dlhw.reporting.values import text_of


class ExperimentEnding(StrEnum):
    """How an experiment ended."""

    done = auto()
    failed = auto()
    skipped = auto()
    interrupted = auto()


NOT_RUN = "not run"
# CSS class of a badge -> its meaning is in `docs/user/experiments.md`.
LOOKS = {
    ExperimentVerdict.reproduced: "reproduced",
    ExperimentVerdict.consistent: "consistent",
    ExperimentVerdict.own: "own",
    ExperimentVerdict.refuted_claim: "refuted",
    ExperimentVerdict.undecided: "undecided",
    ExperimentVerdict.incomplete: "undecided",
    ExperimentVerdict.disagrees: "bad",
    ExperimentVerdict.nothing: "plain",
}


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """An experiment and its results.

    Args:
        label: such as `cs7643/lr`.
        ending: how its process ended.
        question: that it answers.
        why: a sentence, or the last lines of its log, if it was not successful.
        seconds: duration of its runs, also if an earlier command ran them; None if none ran.
        num_published: number of published values that its verdict depends on.
        agreement: its verdict; None without results.
        document: its report; None without results.
    """

    label: str
    ending: ExperimentEnding
    question: str = ""
    why: str = ""
    seconds: float | None = None
    num_published: int = 0
    agreement: Agreement | None = None
    document: Document | None = None

    @property
    def anchor(self) -> str:
        """The anchor of its section on the page."""
        return self.label.replace("/", "-")

    @property
    def failed(self) -> bool:
        return self.ending is ExperimentEnding.failed

    @property
    def passes(self) -> bool:
        """Whether `--check` succeeds; an experiment that was not run is not checked."""
        return self.agreement is None or self.agreement.passes

    @property
    def badge(self) -> str:
        """The verdict in words: incomplete if some runs failed or diverged, failed if all did."""
        if self.ending is ExperimentEnding.skipped:
            return NOT_RUN
        verdict = ExperimentVerdict.nothing if self.agreement is None else self.agreement.verdict
        if self.ending is ExperimentEnding.done or (self.failed and verdict in FAILING and self.seeds):
            return verdict.value
        return self.ending.value

    @property
    def looks(self) -> str:
        """CSS class of the badge."""
        verdict = next((known for known in LOOKS if known.value == self.badge), None)
        return (
            "bad" if self.badge == ExperimentEnding.failed else "plain" if verdict is None else LOOKS[verdict]
        )

    @property
    def seeds(self) -> str:
        """The number of seeds, such as `n = 3`; empty without results."""
        return self.agreement.seeds if self.agreement is not None else ""

    @property
    def refuted(self) -> str:
        """The number of refuted claims, such as `2 claims refuted`; empty if there are none."""
        count = len(self.agreement.refuted) if self.agreement is not None else 0
        return f"{many(count, 'claim')} refuted" if count else ""

    @property
    def unchecked(self) -> str:
        """Such as `16 published values unchecked`; empty with results, or if there is nothing to check."""
        is_unchecked = self.agreement is None and self.num_published
        return f"{many(self.num_published, 'published value')} unchecked" if is_unchecked else ""

    @property
    def counts(self) -> str:
        """Counts of verdicts with what is missing, or the number of unchecked published values."""
        if self.agreement is None:
            return self.unchecked
        missing = f"missing: {'; '.join(self.agreement.missing)}" if self.agreement.missing else ""
        return "; ".join(text for text in (self.agreement.counts, missing) if text)

    @property
    def headline(self) -> str:
        """A line for the console."""
        last = self.why.strip().splitlines()[-1:] if self.why else []
        verdict = ", ".join(text for text in (self.badge, self.seeds) if text)
        time = [] if self.seconds is None else [duration(self.seconds)]
        return "; ".join([verdict, *([self.counts] if self.counts else []), *last, *time])


def record(outcome: Outcome) -> dict[str, Any]:
    """The record of an outcome from which `results_table` makes its line, as plain data."""
    agreement = outcome.agreement
    values = [item.verdict for item in agreement.deciding_values] if agreement else []
    checks = [item.verdict for item in agreement.deciding] if agreement else []
    return {
        "question": outcome.question,
        "ending": outcome.ending.value,
        "badge": outcome.badge,
        # only the first half of the sentence: the second names a folder of this machine
        "why": outcome.why.partition(",")[0] if outcome.ending is ExperimentEnding.skipped else "",
        "seeds": outcome.seeds,
        "published": _counted(values),
        "disputed": len(agreement.disputed) if agreement else 0,
        "checks": _counted(checks),
        "claims": _claims(agreement) if agreement else "",
        "refuted": len(agreement.refuted) if agreement else 0,
        "unchecked": 0 if agreement else outcome.num_published,
        "widest": "" if agreement is None else widest(agreement),
        "seconds": outcome.seconds,
    }


def _counted(verdicts: Sequence[Verdict]) -> str:
    return f"{verdicts.count(Verdict.yes)} of {len(verdicts)}" if verdicts else NONE


def _claims(agreement: Agreement) -> str:
    """Counts of claims, such as `1 shown, 2 refuted`."""
    judged = [item.verdict for item in agreement.claims if item.verdict is not Verdict.missing]
    counts = Counter(CLAIM_WORDS.get(verdict, "shown") for verdict in judged)
    return ", ".join(f"{counts[word]} {word}" for word in ("shown", "not shown", "refuted") if counts[word])


def widest(agreement: Agreement) -> str:
    """The largest difference from a published value relative to its tolerance; empty without one."""
    shares = [
        (abs(item.difference) / item.published.tolerance, index)
        for index, item in enumerate(agreement.deciding_values)
        if item.difference is not None and item.published.tolerance
    ]
    if not shares:
        return ""
    item = agreement.deciding_values[max(shares)[1]]
    assert item.difference is not None
    assert item.published.tolerance is not None
    cell = ", ".join(f"{key}={text_of(value)}" for key, value in item.published.cell.items())
    difference = number_text(item.difference, item.metric, sign=True)
    allowed = number_text(item.published.tolerance, item.metric)
    return f"{difference} (±{allowed}) {item.metric.label}{f', {cell}' if cell else ''}"


def tally(outcomes: Sequence[Outcome]) -> str:
    """Counts, such as `5 experiments; reproduced: 3, not run: 2; 4 published values unchecked`."""
    refuted = sum(len(outcome.agreement.refuted) for outcome in outcomes if outcome.agreement is not None)
    unchecked = sum(outcome.num_published for outcome in outcomes if outcome.agreement is None)
    counts = tally_text([outcome.badge for outcome in outcomes], refuted, unchecked)
    return f"{many(len(outcomes), 'experiment')}; {counts}" if counts else "no experiment has ended yet"


def tally_text(badges: Sequence[str], refuted: int, unchecked: int) -> str:
    """Counts of verdicts, best first, then of refuted claims and of published values without a result."""
    order = [*(verdict.value for verdict in ExperimentVerdict), NOT_RUN]
    known = sorted(Counter(badges).items(), key=lambda item: (*order, item[0]).index(item[0]))
    texts = [
        ", ".join(f"{badge}: {count}" for badge, count in known),
        f"{many(refuted, 'claim')} of write-ups refuted" if refuted else "",
        f"{many(unchecked, 'published value')} unchecked" if unchecked else "",
    ]
    return "; ".join(text for text in texts if text)
