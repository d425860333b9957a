"""Tables as LaTeX, with booktabs: table.tex."""

from collections.abc import Iterable, Iterator
from itertools import zip_longest

from dlhw.display import visible
from dlhw.reporting.document import Document
from dlhw.reporting.table import Entry, Line, Table

MARK = "% made by dlhw-report"
ESCAPES = {
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


def latex(document: Document) -> str:
    """The tables of results."""
    head = f"{MARK}; in the preamble: \\usepackage{{booktabs}}"
    return "\n\n".join([head, *(latex_table(table) for table in document.tables if table.is_result)]) + "\n"


def escape(text: str) -> str:
    r"""Text that LaTeX sets as it stands.

    >>> print(escape("50 % of half_squared_error ± 1"))
    50 \% of half\_squared\_error $\pm$ 1
    """
    return "".join(ESCAPES.get(letter, letter) for letter in visible(text.replace("\n", " ")))


def latex_table(table: Table) -> str:
    """One floating table; what stands below an entry becomes lines of their own."""
    caption = escape(" ".join([f"{table.title}.", *table.caption]))
    return "\n".join(
        [
            r"\begin{table}",
            r"  \centering",
            f"  \\caption{{{caption}}}",
            f"  \\begin{{tabular}}{{{table.align}}}",
            r"    \toprule",
            f"    {_row(map(escape, table.headings))}",
            r"    \midrule",
            *(f"    {row}" for line in table.lines for row in _rows(line)),
            r"    \bottomrule",
            r"  \end{tabular}",
            r"\end{table}",
        ]
    )


def _rows(line: Line) -> Iterator[str]:
    yield _row(_entry(entry, line.is_strong) for entry in line.entries)
    below = zip_longest(*(filter(None, entry.below.split("\n")) for entry in line.entries), fillvalue="")
    for texts in below:
        yield _row(f"{{\\scriptsize {escape(text)}}}" if text else "" for text in texts)


def _entry(entry: Entry, is_strong: bool) -> str:
    text = escape(entry.text)
    return f"\\textbf{{{text}}}" if is_strong and text else text


def _row(texts: Iterable[str]) -> str:
    # A row that begins with a bracket would be read as an argument of the \\ before it.
    return " & ".join(f"{{}}{text}" if text.startswith("[") else text for text in texts) + r" \\"
