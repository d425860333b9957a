"""A table, free of any format: what the console, Markdown, LaTeX and HTML print in their own ways."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """One place in a table.

    Args:
        text: what stands there.
        below: a smaller second line, such as an interval.
    """

    text: str
    below: str = ""


@dataclass(frozen=True)
class Line:
    """A row; the strong one is the best cell's."""

    entries: Sequence[Entry]
    is_strong: bool = False


@dataclass(frozen=True, kw_only=True)
class Table:
    """Headings, lines and what is to be said of them.

    Args:
        title: in a few words.
        headings: one a column.
        align: a letter a column, "l" or "r".
        lines: the rows.
        caption: sentences to stand with it.
        is_result: whether it belongs into a write-up, and not only into the report.
    """

    title: str
    headings: Sequence[str]
    align: str
    lines: Sequence[Line]
    caption: Sequence[str] = ()
    is_result: bool = True
