"""Reports as Markdown: on the console, on the dated page, and in the documentation."""

import statistics
from collections.abc import Sequence

from benchmarks.report import TOLERANCE, Aim, Comparison, Curve, Report, Table
from benchmarks.results import Results
from dlhw.reporting.formats import escape_markdown

HOW_TO_READ = (
    "Ratios are dlhw's time divided by the other side's in the same round, below 1 where dlhw is faster: the "
    "median, and the range over the rounds. Warm-ups are dropped."
)


def text_of(report: Report) -> str:
    """A report as a section of a page; plots lie beside the page."""
    return f"## {report.title}\n\n{body_of(report)}"


def body_of(report: Report, place: str = "") -> str:
    """A report without its heading.

    Args:
        report: to show.
        place: what the plots' file names begin with, such as `benchmarks/NAME/`.
    """
    blocks = [*report.notes]
    if report.aims:
        blocks.append(aims_table(report.aims))
    blocks += [comparison_table(comparison) for comparison in report.comparisons]
    blocks += [plain_table(table) for table in report.tables]
    blocks += [picture(curve, place) for curve in report.curves]
    blocks += [f"**Disagreement:** {line}." for line in report.disagreements()]
    return "\n\n".join(blocks) + "\n"


def aims_table(aims: Sequence[Aim]) -> str:
    """Every aim with its median, range and verdict."""
    return grid(("aim", "limit", "measured: median (range)", ""), [_aim_row(aim) for aim in aims])


def _aim_row(aim: Aim) -> tuple[str, ...]:
    unit = f" {aim.unit}" if aim.unit else ""
    limit = f"{'≥' if aim.at_least else '≤'} {aim.limit:g}{unit}"
    if aim.hope is not None:
        limit += f" (hoped: {aim.hope:g})"
    measured = median_and_range(aim.values) + unit if aim.values else ""
    reason = f": {aim.reason}" if aim.reason else ""
    return escape_markdown(aim.what), limit, measured, aim.verdict + escape_markdown(reason)


def comparison_table(comparison: Comparison) -> str:
    """Every side's median, and dlhw's time divided by it, round by round."""
    count = len(comparison.rounds[comparison.dlhw_side])
    rounds = f"{count} round{'s' * (count > 1)}"
    headings = (comparison.title, comparison.unit, f"{comparison.dlhw_side} / this side, {rounds}", "loss")
    rows = [_side_row(comparison, side) for side in comparison.rounds]
    rows += [
        (escape_markdown(side), escape_markdown(reason), "", "") for side, reason in comparison.absent.items()
    ]
    return grid(headings, rows)


def _side_row(comparison: Comparison, side: str) -> tuple[str, ...]:
    median = statistics.median(comparison.rounds[side])
    losses = comparison.losses.get(side)
    ratio = "" if side == comparison.dlhw_side else median_and_range(comparison.ratios(side))
    loss = "" if not losses else f"{statistics.fmean(losses):.5f}"
    if side in comparison.differences():
        loss += f" ({comparison.differences()[side]:.0e} off)"
    return escape_markdown(side), three_digits(median), ratio, loss


def plain_table(table: Table) -> str:
    """Any table below its title."""
    return f"{table.title}\n\n{grid(table.headings, table.rows)}"


def picture(curve: Curve, place: str) -> str:
    """The plot, with its numbers in a table below it."""
    rows = [
        [f"{x:g}", *(three_digits(values[place]) for values in curve.sides.values())]
        for place, x in enumerate(curve.x)
    ]
    shown = f"![{curve.title}: {curve.y_label} against {curve.x_label}]({place}{curve.name}.png)"
    return f"{shown}\n\n{grid((curve.x_label, *curve.sides), rows)}"


def grid(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; all columns but the first hold numbers and are aligned right."""
    rule = ["---", *["---:"] * (len(headings) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (headings, rule, *rows))


def median_and_range(values: Sequence[float]) -> str:
    """As `0.51 (0.48 to 0.55)`; a single value has no range."""
    if len(values) == 1:
        return three_digits(values[0])
    middle = three_digits(statistics.median(values))
    return f"{middle} ({three_digits(min(values))} to {three_digits(max(values))})"


def three_digits(value: float) -> str:
    """Three significant digits, without an exponent.

    >>> [three_digits(value) for value in (0.12345, 3.14159, 141.42, 27182.8)]
    ['0.123', '3.14', '141', '27183']
    """
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2 if abs(value) >= 1 else 3
    return f"{value:.{digits}f}"


def whole_page(results: Results) -> str:
    """The dated page: the machine, all aims, then every report."""
    parts = [
        f"# Benchmark {results.name}",
        "\n".join(f"- {line}" for line in results.about),
        HOW_TO_READ,
        agreement(results),
        "## Aims",
        all_aims(results),
        *(text_of(report).rstrip() for report in results.reports.values()),
    ]
    return "\n\n".join(parts) + "\n"


def sections_of(results: Results, place: str) -> dict[str, str]:
    """Sections with which a document can be filled: name -> Markdown.

    Args:
        results: all reports.
        place: the page's folder as seen from the document, with a slash at its end.
    """
    about = "\n".join(f"- {line}" for line in results.about)
    return {
        "about": f"{about}\n- [the whole page]({place}README.md)\n\n{HOW_TO_READ} {agreement(results)}",
        "aims": all_aims(results),
        **{name: body_of(report, place) for name, report in results.reports.items()},
    }


def all_aims(results: Results) -> str:
    """Every aim of every report."""
    return aims_table([aim for report in results.reports.values() for aim in report.aims])


def agreement(results: Results) -> str:
    """A sentence that says whether all sides computed the same."""
    wrong = results.disagreements()
    if wrong:
        return "**Disagreement:** " + "; ".join(wrong) + "."
    return f"All compared sides reached the same loss (within {TOLERANCE:.0e}, relative)."
