"""Tables of the published values beside dlhw's and of the checks; published.csv and checks.csv."""

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any

from dlhw.display import csv_cell
from dlhw.reporting.agreement import (
    CLAIM_WORDS,
    Agreement,
    EvaluatedCheck,
    PublishedComparison,
    Verdict,
    independent_looks,
)
from dlhw.reporting.captions import few_seeds
from dlhw.reporting.document import ReportTable, TableEntry, TableRow
from dlhw.reporting.formatting import NONE, mean_text, number_text
from dlhw.reporting.metrics import metric_of
from dlhw.reporting.values import text_of

AGREEMENT_WORDS = {Verdict.no: "DISAGREES"}
CHECK_WORDS = {Verdict.yes: "shown", Verdict.no: "CONTRADICTED", Verdict.undecided: "not shown"}
EQUIVALENCE = (
    "A value agrees if the 90 % interval of dlhw's mean is inside what is allowed (equivalence at 5 %), "
    "disagrees if the interval is outside, and is undecided if the interval crosses a limit."
)
SINGLE = "n = 1 (one seed, or runs that are identical over seeds): the number itself decides."
CHECKS = (
    "A check is shown if the 90 % interval of the means, paired by seed, is on its side of the limit, "
    "contradicted if it is on the other, and not shown if it crosses."
)
CLAIMS = "claim: a claim of the write-up; the verdict does not depend on it."


def published_table(agreement: Agreement) -> ReportTable | None:
    """The table of published values, one row per value; None if nothing was published."""
    if not agreement.published:
        return None
    keys = cell_keys(agreement)
    has_source = any(comparison.source for comparison in agreement.published)
    source = ["source"] if has_source else []
    return ReportTable(
        title="Published values beside dlhw's",
        headings=[*keys, "metric", *source, "published", "dlhw", "n", "difference", "allowed", "verdict"],
        align="l" * (len(keys) + 1 + len(source)) + "rrrrrl",
        lines=[_published_line(comparison, keys, has_source) for comparison in agreement.published],
        caption=[*agreement.warnings, *_published_caption(agreement)],
    )


def cell_keys(agreement: Agreement) -> list[str]:
    """The config keys that select the cells of published values."""
    return list(dict.fromkeys(key for item in agreement.published for key in item.published.cell))


def _published_line(item: PublishedComparison, keys: list[str], has_source: bool) -> TableRow:
    cell, metric = item.published.cell, item.metric
    difference = NONE if item.difference is None else number_text(item.difference, metric, sign=True)
    return TableRow([
        *(TableEntry(text_of(cell[key]) if key in cell else "") for key in keys),
        TableEntry(metric.label),
        *([TableEntry(item.source)] if has_source else []),
        TableEntry(number_text(item.value, metric)),
        TableEntry(mean_text(item.estimate, metric)),
        TableEntry(str(item.estimate.n)),
        TableEntry(difference, _interval(item)),
        TableEntry(_allowed(item)),
        TableEntry(_agreement_word(item), item.published.disputed or item.missing),
    ])  # fmt: skip


def _interval(item: PublishedComparison) -> str:
    """The 90 % interval of the difference from the published value."""
    evidence = item.evidence
    if evidence is None or not evidence.is_printed or evidence.low is None or evidence.high is None:
        return ""
    shift = 0.0 if item.published.tolerance is not None else item.value
    low, high = (number_text(end - shift, item.metric, sign=True) for end in (evidence.low, evidence.high))
    return f"[{low}, {high}]"


def _agreement_word(item: PublishedComparison) -> str:
    word = AGREEMENT_WORDS.get(item.verdict, "agrees" if item.verdict is Verdict.yes else item.verdict.value)
    return word if item.decides else f"disputed ({word.lower()})"


def _allowed(item: PublishedComparison) -> str:
    entry = item.published
    if entry.tolerance is not None:
        return f"±{number_text(entry.tolerance, item.metric)}"
    assert entry.low is not None
    assert entry.high is not None
    return f"{number_text(entry.low, item.metric)} to {number_text(entry.high, item.metric)}"


def _published_caption(agreement: Agreement) -> list[str]:
    looks = independent_looks(agreement)
    single = any(item.estimate.n == 1 for item in agreement.published)
    tolerance = agreement.experiment.recipe.tolerance
    return [
        "dlhw: mean ± standard deviation over n seeds. Below each difference: its 90 % interval, for n ≥ 3.",
        EQUIVALENCE,
        *([SINGLE] if single else []),
        *(few_seeds([2]) if any(item.estimate.n == 2 for item in agreement.published) else []),
        *([f"Basis of the tolerances: {tolerance}"] if tolerance else []),
        *(
            ["A disputed value cannot be correct as printed; the verdict does not depend on it."]
            if agreement.disputed
            else []
        ),
        *([looks] if looks else []),
    ]


def checks_table(agreement: Agreement) -> ReportTable | None:
    """The table of checks, one row per check; None without checks."""
    if not agreement.checks:
        return None
    return ReportTable(
        title="Checks",
        headings=["claim", "metric", "dlhw", "verdict"],
        align="llll",
        lines=[_check_line(evaluated) for evaluated in agreement.checks],
        caption=[
            *agreement.warnings,
            CHECKS,
            *([SINGLE] if any(evaluated.result.n == 1 for evaluated in agreement.checks) else []),
            *(few_seeds([2]) if any(evaluated.result.n == 2 for evaluated in agreement.checks) else []),
            *([CLAIMS] if agreement.claims else []),
        ],
    )


def _check_line(evaluated: EvaluatedCheck) -> TableRow:
    check = evaluated.check
    claim = TableEntry(check.claim) if check.decides else TableEntry(f"claim: {check.claim}")
    return TableRow([
        claim,
        TableEntry(metric_of(check.metric).label),
        TableEntry(evaluated.result.text),
        TableEntry(check_word(evaluated)),
    ])  # fmt: skip


def check_word(evaluated: EvaluatedCheck) -> str:
    """The verdict as text: `shown (n = 1)`, `not shown at n = 3`, `CONTRADICTED`; for a claim `REFUTED`."""
    verdict, n = evaluated.verdict, evaluated.result.n
    word = CHECK_WORDS.get(verdict, verdict.value)
    if verdict is Verdict.no and not evaluated.check.decides:
        word = CLAIM_WORDS[verdict].upper()
    if verdict is Verdict.undecided:
        return f"{word} at n = {n}"
    return f"{word} (n = 1)" if n == 1 else word


PUBLISHED_COLUMNS = (
    "metric", "source", "published", "n", "mean", "std", "difference", "interval_low", "interval_high",
    "tolerance", "low", "high", "verdict", "disputed", "missing",
)  # fmt: skip
CHECK_COLUMNS = ("rule", "claim", "metric", "where", "result", "n", "verdict", "decides")


def published_csv(agreement: Agreement) -> str:
    """The content of published.csv: one row per published value, in full precision.

    The interval is the 90 % interval of the difference from the published value.
    """
    keys = cell_keys(agreement)
    lines = [[*_cell_values(item, keys), *_numbers(item)] for item in agreement.published]
    return _csv([*keys, *PUBLISHED_COLUMNS], lines)


def _cell_values(item: PublishedComparison, keys: list[str]) -> list[str]:
    cell = item.published.cell
    return [text_of(cell[key]) if key in cell else "" for key in keys]


def _numbers(item: PublishedComparison) -> list[Any]:
    entry, estimate = item.published, item.estimate
    return [
        item.metric.name, item.source, item.value, estimate.n, estimate.mean, estimate.std, item.difference,
        *_ends(item), entry.tolerance, entry.low, entry.high, item.verdict.value, entry.disputed or "",
        item.missing,
    ]  # fmt: skip


def _ends(item: PublishedComparison) -> Iterator[float | None]:
    shift = 0.0 if item.published.tolerance is not None else item.value
    for end in (None, None) if item.evidence is None else (item.evidence.low, item.evidence.high):
        yield None if end is None else end - shift


def checks_csv(agreement: Agreement) -> str:
    """The content of checks.csv: one row per check."""
    lines = []
    for evaluated in agreement.checks:
        check, result = evaluated.check, evaluated.result
        where = ", ".join(f"{key}={text_of(value)}" for key, value in check.where.items())
        columns = [check.rule.value, check.claim, check.metric, where, result.text, str(result.n)]
        lines.append([*columns, evaluated.verdict.value, str(check.decides).lower()])
    return _csv(CHECK_COLUMNS, lines)


def _csv(columns: Sequence[str], lines: list[list[Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for line in lines:
        writer.writerow(map(csv_cell, line))
    return text.getvalue()
