"""Tables of what agrees with the published numbers, and of the checks."""

import csv
import io
from typing import Any

from dlhw.config.published import PublishedConfig
from dlhw.display import csv_cell
from dlhw.reporting.agreement import Agreement, Beside, Checked, Verdict
from dlhw.reporting.captions import few_seeds
from dlhw.reporting.metrics import metric_of
from dlhw.reporting.numbers import NONE, mean_text, number_text
from dlhw.reporting.table import Entry, Line, Table
from dlhw.reporting.values import text_of

WORDS = {Verdict.yes: "yes", Verdict.no: "NO", Verdict.not_run: "not run"}
NOT_SHOWN = "NOT SHOWN"
CLAIMS = f"{NOT_SHOWN}: claimed of other data by the text, not shown by our runs; no verdict depends on it."


def published_table(agreement: Agreement) -> Table | None:
    """A line for each published number; None where there is none."""
    if not agreement.published:
        return None
    keys = cell_keys(agreement)
    has_source = any(each.published.source for each in agreement.published)
    source = ["source"] if has_source else []
    return Table(
        title="Beside the published numbers",
        headings=[*keys, "metric", "published", "ours", "n", "difference", "allowed", "agrees", *source],
        align="l" * (len(keys) + 1) + "rrrrrl" + "l" * len(source),
        lines=[_published_line(each, keys, has_source) for each in agreement.published],
        caption=[*agreement.warnings, *_published_caption(agreement), *few_seeds(agreement.few)],
    )


def cell_keys(agreement: Agreement) -> list[str]:
    """The keys that name the cells of published numbers."""
    return list(dict.fromkeys(key for each in agreement.published for key in each.published.cell))


def _published_line(each: Beside, keys: list[str], has_source: bool) -> Line:
    told, metric = each.published, each.metric
    values = [text_of(told.cell[key]) if key in told.cell else "" for key in keys]
    texts = [
        metric.label,
        " / ".join(number_text(value, metric) for value in told.values),
        mean_text(each.estimate, metric),
        str(each.estimate.n),
        NONE if each.difference is None else number_text(each.difference, metric, sign=True),
        _allowed(told, each),
        f"{WORDS[each.verdict]}{f' ({each.missing})' if each.missing else ''}",
        *([told.source] if has_source else []),
    ]
    return Line([Entry(text) for text in (*values, *texts)])


def _allowed(told: PublishedConfig, each: Beside) -> str:
    if told.tolerance is not None:
        return f"±{number_text(told.tolerance, each.metric)}"
    assert told.low is not None
    assert told.high is not None
    return f"{number_text(told.low, each.metric)} to {number_text(told.high, each.metric)}"


def _published_caption(agreement: Agreement) -> list[str]:
    told = ["Ours: mean over n seeds, ± standard deviation."]
    entries = [each.published for each in agreement.published]
    if any(entry.tolerance is not None for entry in entries):
        several = any(len(entry.values) > 1 for entry in entries)
        nearest = "the nearest published value" if several else "the published value"
        told.append(f"It agrees if its mean is within what is allowed of {nearest}.")
    if any(entry.low is not None for entry in entries):
        told.append("Where a range is allowed, it agrees if its mean is in it.")
    return told


def checks_table(agreement: Agreement) -> Table | None:
    """A line for each check; None where there is none."""
    if not agreement.checks:
        return None
    return Table(
        title="Checks",
        headings=["claim", "metric", "found", "holds"],
        align="llll",
        lines=[_check_line(each) for each in agreement.checks],
        caption=[
            *agreement.warnings,
            "What has no published number is decided by these rules, on means over seeds.",
            *([CLAIMS] if agreement.claims else []),
            *few_seeds(agreement.few),
        ],
    )


def _check_line(each: Checked) -> Line:
    is_missing = each.verdict is Verdict.no and not each.check.decides
    holds = NOT_SHOWN if is_missing else WORDS[each.verdict]
    texts = [each.check.claim, metric_of(each.check.metric).label, each.found.text, holds]
    return Line([Entry(text) for text in texts])


PUBLISHED_COLUMNS = (
    "metric", "published", "source", "n", "mean", "std", "nearest", "difference", "tolerance", "low", "high",
    "agrees", "missing",
)  # fmt: skip
CHECK_COLUMNS = ("rule", "claim", "metric", "where", "found", "holds", "decides")


def published_csv(agreement: Agreement) -> str:
    """published.csv: a line for each published number, in full precision; `/` parts several values."""
    keys = cell_keys(agreement)
    lines = [[*_values_of(each, keys), *_numbers(each)] for each in agreement.published]
    return _csv([*keys, *PUBLISHED_COLUMNS], lines)


def _values_of(each: Beside, keys: list[str]) -> list[str]:
    return [text_of(each.published.cell[key]) if key in each.published.cell else "" for key in keys]


def _numbers(each: Beside) -> list[Any]:
    told, found = each.published, each.estimate
    return [
        each.metric.name, "/".join(map(repr, told.values)), told.source, found.n, found.mean, found.std,
        each.nearest, each.difference, told.tolerance, told.low, told.high, each.verdict.value, each.missing,
    ]  # fmt: skip


def checks_csv(agreement: Agreement) -> str:
    """checks.csv: a line for each check."""
    lines = []
    for each in agreement.checks:
        where = ", ".join(f"{key}={text_of(value)}" for key, value in each.check.where.items())
        told = (each.check.rule.value, each.check.claim, each.check.metric, where)
        lines.append([*told, each.found.text, each.verdict.value, str(each.check.decides).lower()])
    return _csv(CHECK_COLUMNS, lines)


def _csv(columns: Any, lines: list[list[Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for line in lines:
        writer.writerow(map(csv_cell, line))
    return text.getvalue()
