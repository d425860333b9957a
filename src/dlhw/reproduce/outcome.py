"""What became of one experiment."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum, auto
from typing import Any

from dlhw.reporting.agreement import Agreement, Verdict
from dlhw.reporting.document import Document
from dlhw.reporting.numbers import NONE, many, number_text
from dlhw.reporting.values import text_of


class Ending(StrEnum):
    """How an experiment ended here."""

    done = auto()
    failed = auto()
    skipped = auto()
    interrupted = auto()


# Judgement -> what the page and the README call it.
WORDS = {Verdict.yes: "agrees", Verdict.no: "DISAGREES", Verdict.not_run: "in part not run"}
NOTHING = "nothing to compare with"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One experiment and its results.

    Args:
        label: such as `cs7643/lr`.
        ending: how its process ended.
        question: what it asks.
        why: a sentence, or the last lines of its log, where it did not end well.
        seconds: that its runs took, of an earlier command where they were there already; None if none ran.
        agreement: with published numbers; None without results.
        document: its report; None without results.
    """

    label: str
    ending: Ending
    question: str = ""
    why: str = ""
    seconds: float | None = None
    agreement: Agreement | None = None
    document: Document | None = None

    @property
    def anchor(self) -> str:
        """Of its part of the page."""
        return self.label.replace("/", "-")

    @property
    def failed(self) -> bool:
        return self.ending is Ending.failed

    @property
    def disagrees(self) -> bool:
        """Whether it ran, and something does not agree or is missing."""
        return self.agreement is not None and bool(self.agreement.verdicts) and not self.agreement.agrees

    @property
    def badge(self) -> str:
        """The verdict in words."""
        if self.ending is not Ending.done:
            return self.ending.value
        if self.agreement is None or not self.agreement.verdicts:
            return NOTHING
        return WORDS[self.agreement.verdict]

    @property
    def looks(self) -> str:
        """Class of the badge: good, bad or plain."""
        if self.failed or self.badge == WORDS[Verdict.no]:
            return "bad"
        return "good" if self.badge == WORDS[Verdict.yes] else "plain"

    @property
    def headline(self) -> str:
        """A line for the console."""
        found = self.agreement.headline if self.agreement is not None and self.agreement.verdicts else ""
        last = self.why.strip().splitlines()[-1:] if self.why else []
        time = [] if self.seconds is None else [duration(self.seconds)]
        return "; ".join([self.badge, *([found] if found else []), *last, *time])


def record(outcome: Outcome) -> dict[str, Any]:
    """What the table of a README needs of an outcome, as plain data."""
    agreement = outcome.agreement
    published, checks, claims = (
        (agreement.published, agreement.deciding, agreement.claims) if agreement else ([], [], [])
    )
    return {
        "question": outcome.question,
        "ending": outcome.ending.value,
        "badge": outcome.badge,
        # without the folder of this machine that lacks the file
        "why": outcome.why.partition(",")[0] if outcome.ending is Ending.skipped else "",
        "published": _counted([each.verdict for each in published]),
        "checks": _counted([each.verdict for each in checks]),
        "claims": _counted([each.verdict for each in claims]),
        "widest": "" if agreement is None else widest(agreement),
        "seconds": outcome.seconds,
    }


def _counted(verdicts: Sequence[Verdict]) -> str:
    return f"{verdicts.count(Verdict.yes)} of {len(verdicts)}" if verdicts else NONE


def widest(agreement: Agreement) -> str:
    """The published number that ours is farthest from, in units of what is allowed; empty without one."""
    shares = [
        (abs(each.difference) / each.published.tolerance, place)
        for place, each in enumerate(agreement.published)
        if each.difference is not None and each.published.tolerance
    ]
    if not shares:
        return ""
    each = agreement.published[max(shares)[1]]
    assert each.difference is not None
    assert each.published.tolerance is not None
    cell = ", ".join(f"{key}={text_of(value)}" for key, value in each.published.cell.items())
    difference = number_text(each.difference, each.metric, sign=True)
    allowed = number_text(each.published.tolerance, each.metric)
    return f"{difference} (±{allowed}) {each.metric.label}{f', {cell}' if cell else ''}"


def duration(seconds: float) -> str:
    """A time as one says it.

    >>> duration(4.26), duration(83.4), duration(7300)
    ('4.3 s', '1 min 23 s', '2 h 1 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = int(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def tally(outcomes: Sequence[Outcome]) -> str:
    """How many ended how: `5 experiments; agrees: 3, DISAGREES: 1, skipped: 1`."""
    counts: dict[str, int] = {}
    for each in outcomes:
        counts[each.badge] = counts.get(each.badge, 0) + 1
    told = ", ".join(f"{badge}: {count}" for badge, count in counts.items())
    return f"{many(len(outcomes), 'experiment')}; {told}" if told else "no experiment has ended yet"
