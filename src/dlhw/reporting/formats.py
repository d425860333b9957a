"""The formats of a report: HTML, Markdown, LaTeX and CSV."""

import base64
import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from importlib.resources import files
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from dlhw.display import csv_cell, visible, visible_lines
from dlhw.reporting.document import Document, ReportTable, Section, TableEntry, TableRow
from dlhw.reporting.metrics import RunMetric
from dlhw.reporting.study import Study
from dlhw.reporting.tables import NOT_COUNTED
from dlhw.reporting.values import text_of

if TYPE_CHECKING:
    from jinja2 import Environment, Template

SHARED = ("style.css", "table.html")
HTML_MARK = '<meta name="generator" content="dlhw-report">'
MARKDOWN_MARK = "<!-- made by dlhw-report -->"
# Characters that Markdown reads as markup in running text and in tables.
MARKDOWN_SPECIAL = re.compile(r"([\\`*_|<>#&~$]|\]\()")
LATEX_MARK = "% made by dlhw-report"
LATEX_ESCAPES = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "±": r"$\pm$",
    "−": r"$-$",
    "–": "--",
}
COUNT_COLUMNS = ("runs", "n", *NOT_COUNTED, "best", "tied", "selected_by")
STATISTIC_COLUMNS = ("n", "mean", "std", "low", "high", "median", "iqm", "set_low", "set_high")
DIFFERENCE_COLUMNS = (
    "pairs", "difference", "difference_std", "difference_low", "difference_high", "p", "p_holm", "samples_p",
    "samples_p_holm", "samples_low", "samples_high", "verdict",
)  # fmt: skip


def _without_control_characters(value: Any) -> Any:
    """Escape control characters of text; the output of templates (`Markup`) is left unchanged."""
    return visible_lines(value) if type(value) is str else value


def page_templates(package: str, names: Sequence[str]) -> "Environment":
    """The templates of a package, which can include `style.css` and import `table.html`."""
    from jinja2 import DictLoader, Environment, StrictUndefined

    folders = dict.fromkeys(SHARED, files("dlhw.reporting")) | dict.fromkeys(names, files(package))
    texts = {name: (folder / name).read_text(encoding="utf-8") for name, folder in folders.items()}
    templates = Environment(
        loader=DictLoader(texts), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, finalize=_without_control_characters,
    )  # fmt: skip
    templates.filters["base64"] = lambda data: base64.b64encode(data).decode()
    return templates


def report_html(document: Document) -> str:
    """index.html: the whole report with its pictures in one self-contained page; all text is escaped."""
    return _page_template().render(document=document)


@cache
def _page_template() -> "Template":
    return page_templates("dlhw.reporting", ["page.html"]).get_template("page.html")


def report_markdown(document: Document) -> str:
    """report.md: the whole report; pictures are links to figures/NAME.png."""
    blocks = [MARKDOWN_MARK, f"# {escape_markdown(document.title)}", *map(escape_markdown, document.summary)]
    for section in document.sections:
        blocks += _markdown_section(section)
    blocks.append(f"Made by `{visible(document.command).replace('`', '')}`.")
    return "\n\n".join(blocks) + "\n"


def escape_markdown(text: str) -> str:
    r"""Escape text for Markdown.

    >>> escape_markdown("half_squared|error")
    'half\\_squared\\|error'
    """
    return MARKDOWN_SPECIAL.sub(r"\\\1", visible(text.replace("\n", " ")))


def _markdown_section(section: Section) -> Iterator[str]:
    yield f"## {escape_markdown(section.title)}"
    yield from map(escape_markdown, section.text)
    if section.table is not None:
        yield markdown_table(section.table)
        yield from map(escape_markdown, section.table.caption)
    for picture in section.pictures:
        yield f"![{escape_markdown(picture.alt)}](figures/{picture.name}.png)"
        yield escape_markdown(picture.caption)
    if section.settings:
        yield "\n".join(
            f"- {escape_markdown(key)}: {escape_markdown(value)}" for key, value in section.settings
        )


def markdown_table(table: ReportTable) -> str:
    """A table in Markdown; the row of the best cell is bold."""
    rule = ["---" if letter == "l" else "---:" for letter in table.align]
    rows = [list(map(escape_markdown, table.headings)), rule, *map(_markdown_row, table.lines)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _markdown_row(line: TableRow) -> list[str]:
    return [_markdown_entry(entry, line.is_strong) for entry in line.entries]


def _markdown_entry(entry: TableEntry, is_strong: bool) -> str:
    text = escape_markdown(entry.text)
    text = f"**{text}**" if is_strong and text else text
    return f"{text} {escape_markdown(entry.below)}".strip()


def report_latex(document: Document) -> str:
    """table.tex: the tables of results, with booktabs."""
    head = f"{LATEX_MARK}; in the preamble: \\usepackage{{booktabs}}"
    return "\n\n".join([head, *(latex_table(table) for table in document.tables if table.is_result)]) + "\n"


def escape_latex(text: str) -> str:
    r"""Escape text for LaTeX.

    >>> print(escape_latex("50 % of half_squared_error ± 1"))
    50 \% of half\_squared\_error $\pm$ 1
    """
    return "".join(LATEX_ESCAPES.get(letter, letter) for letter in visible(text.replace("\n", " ")))


def latex_table(table: ReportTable) -> str:
    """A floating table; the second lines of entries become rows of their own."""
    caption = escape_latex(" ".join([f"{table.title}.", *table.caption]))
    return "\n".join(
        [
            r"\begin{table}",
            r"  \centering",
            f"  \\caption{{{caption}}}",
            f"  \\begin{{tabular}}{{{table.align}}}",
            r"    \toprule",
            f"    {_latex_row(map(escape_latex, table.headings))}",
            r"    \midrule",
            *(f"    {row}" for line in table.lines for row in _latex_rows(line)),
            r"    \bottomrule",
            r"  \end{tabular}",
            r"\end{table}",
        ]
    )


def _latex_rows(line: TableRow) -> Iterator[str]:
    yield _latex_row(_latex_entry(entry, line.is_strong) for entry in line.entries)
    below = zip_longest(*(filter(None, entry.below.split("\n")) for entry in line.entries), fillvalue="")
    for texts in below:
        yield _latex_row(f"{{\\scriptsize {escape_latex(text)}}}" if text else "" for text in texts)


def _latex_entry(entry: TableEntry, is_strong: bool) -> str:
    text = escape_latex(entry.text)
    return f"\\textbf{{{text}}}" if is_strong and text else text


def _latex_row(texts: Iterable[str]) -> str:
    # LaTeX would read a row that begins with [ as an argument of the \\ before it.
    return " & ".join(f"{{}}{text}" if text.startswith("[") else text for text in texts) + r" \\"


def table_csv(study: Study) -> str:
    """table.csv: one row per cell with its swept values, counts, and the statistics of each metric.

    The statistics are n, mean, standard deviation, 95 % interval, median and interquartile mean over seeds,
    and the interval of one run for the size of the split. With a baseline, the paired differences from it
    follow. Numbers have full precision; a statistic that does not exist (an interval of one value) is empty.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = STATISTIC_COLUMNS + (DIFFERENCE_COLUMNS if study.comparison else ())
    columns = [f"{metric.name}/{name}" for metric in study.metrics for name in names]
    writer.writerow(map(csv_cell, [*study.keys, *COUNT_COLUMNS, *columns]))
    writer.writerows(_csv_line(study, index) for index in range(len(study.cells)))
    return text.getvalue()


def _csv_line(study: Study, index: int) -> list[str]:
    cell = study.cells[index]
    counts = [len(cell.runs), len(cell.samples), *(len(cell.ended(status)) for status in NOT_COUNTED)]
    numbers = [value for metric in study.metrics for value in _csv_numbers(study, index, metric)]
    is_test = study.select == "val" and study.is_val_from_test
    selected_by = "val, which is the test set" if is_test else study.select
    marks = [int(index in study.choice.best), int(index in study.choice.tied)]
    values = [*map(text_of, cell.values), *counts, *marks, selected_by, *numbers]
    return list(map(csv_cell, values))


def _csv_numbers(study: Study, index: int, metric: RunMetric) -> list[Any]:
    estimate = study.estimates[index, metric]
    numbers = (
        estimate.n,
        estimate.mean,
        estimate.std,
        estimate.low,
        estimate.high,
        estimate.median,
        estimate.iqm,
    )
    statistics: list[Any] = [*numbers, *(study.set_interval(index, metric) or (None, None))]
    if study.comparison is None:
        return statistics
    against = study.comparison.differences.get((index, metric))
    if against is None:  # the baseline itself
        return [*statistics, *[None] * (len(DIFFERENCE_COLUMNS) - 1), "baseline"]
    paired = against.estimate
    differences = [paired.n, paired.mean, paired.std, paired.low, paired.high, against.p, against.adjusted]
    on_samples = study.on_samples.get((index, metric))
    tested = (
        (None,) * 4 if on_samples is None
        else (on_samples.p, on_samples.adjusted, on_samples.low, on_samples.high)
    )  # fmt: skip
    return [*statistics, *differences, *tested, against.verdict]
