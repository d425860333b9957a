"""Tables on the console: coloured on a terminal, plain in a pipe."""

import sys
from collections.abc import Sequence
from os import PathLike

from rich import box
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from dlhw.config.experiment import ExperimentConfig
from dlhw.display import visible, visible_lines
from dlhw.reporting.agreement import Agreement, ExperimentVerdict
from dlhw.reporting.agreement_tables import checks_table, published_table
from dlhw.reporting.document import ReportTable, TableEntry, TableRow

# Wide enough that no row wraps in a pipe, where programs read one line per cell.
PIPE_WIDTH = 400
VERDICT_STYLES = {
    ExperimentVerdict.reproduced: "bold green",
    ExperimentVerdict.consistent: "bold cyan",
    ExperimentVerdict.own: "bold blue",
    ExperimentVerdict.refuted_claim: "bold magenta",
    ExperimentVerdict.undecided: "bold yellow",
    ExperimentVerdict.incomplete: "bold yellow",
    ExperimentVerdict.disagrees: "bold red",
    ExperimentVerdict.nothing: "bold",
}


def print_sweep_report(
    dirs: Sequence[str | PathLike[str]], experiment: ExperimentConfig | None = None
) -> None:
    """Print the table of a sweep and, for an experiment, its agreement with the published values.

    Args:
        dirs: the sweep's run folders, or the folder that contains them.
        experiment: that the sweep belongs to; None without one.

    Raises:
        RunFolderError: if there are no readable runs.
    """
    from dlhw.reporting.frames import load_runs
    from dlhw.reporting.judge import judge_runs
    from dlhw.reporting.tables import results_table

    study, agreement = judge_runs(load_runs(*dirs), experiment)
    print_table(results_table(study))
    if agreement is not None:
        print_agreement(agreement)


def print_agreement(agreement: Agreement) -> None:
    """Print the tables of published values and checks, and the verdict."""
    for table in (published_table(agreement), checks_table(agreement)):
        if table is not None:
            print_table(table)
    print_verdict(agreement)


def print_verdict(agreement: Agreement) -> None:
    """Print the verdict on one line, in its colour on a terminal."""
    console = Console(width=None if sys.stdout.isatty() else PIPE_WIDTH, soft_wrap=True, highlight=False)
    text = Text(visible(agreement.headline))
    text.stylize(VERDICT_STYLES[agreement.verdict], 0, len(agreement.verdict.value))
    console.print(text)


def print_table(table: ReportTable, console: Console | None = None) -> None:
    """Print a table and its caption."""
    console = console or Console(width=None if sys.stdout.isatty() else PIPE_WIDTH)
    console.print(rich_table(table))
    for sentence in table.caption:
        console.print(Text(visible(sentence), style="dim"))


def rich_table(table: ReportTable) -> RichTable:
    """The table for rich; the row of the best cell is bold."""
    rich = RichTable(
        box=box.SIMPLE_HEAD, title=Text(visible(table.title), style="bold"), title_justify="left"
    )
    for heading, align in zip(table.headings, table.align, strict=True):
        rich.add_column(Text(visible(heading)), justify="left" if align == "l" else "right", overflow="fold")
    for line in table.lines:
        rich.add_row(*(_entry(entry) for entry in line.entries), style=_style(line))
    return rich


def _entry(entry: TableEntry) -> Text:
    text = Text(visible(entry.text))
    below = f"\n{visible_lines(entry.below)}"
    return text.append(below, style="dim not bold") if entry.below else text


def _style(line: TableRow) -> str | None:
    return "bold" if line.is_strong else None
