"""A report, free of any format: sections with text, tables and pictures."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A drawn figure.

    Args:
        name: of its files, without ending.
        caption: what it shows, and how bands and bars are to be read.
        alt: what a reader who cannot see it should know.
        png: the file's bytes.
        pdf: the same for a write-up.
    """

    name: str
    caption: str
    alt: str
    png: bytes
    pdf: bytes


@dataclass(frozen=True)
class TableEntry:
    """One place in a table.

    Args:
        text: what stands there.
        below: a smaller second line, such as an interval.
    """

    text: str
    below: str = ""


@dataclass(frozen=True)
class TableRow:
    """A row; the strong one is the best cell's."""

    entries: Sequence[TableEntry]
    is_strong: bool = False


@dataclass(frozen=True, kw_only=True)
class ReportTable:
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
    lines: Sequence[TableRow]
    caption: Sequence[str] = ()
    is_result: bool = True


@dataclass(frozen=True, kw_only=True)
class Section:
    """A part of the page.

    Args:
        title: heading.
        text: paragraphs.
        table: below them.
        pictures: below that.
        settings: key -> value, for a list that is folded away.
    """

    title: str
    text: Sequence[str] = ()
    table: ReportTable | None = None
    pictures: Sequence[Picture] = ()
    settings: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, kw_only=True)
class Document:
    """The whole page.

    Args:
        title: heading.
        summary: what was run, in a few sentences.
        sections: in their order.
        command: that makes this report again.
    """

    title: str
    summary: Sequence[str]
    sections: Sequence[Section]
    command: str

    @property
    def tables(self) -> list[ReportTable]:
        return [section.table for section in self.sections if section.table is not None]

    @property
    def pictures(self) -> list[Picture]:
        return [picture for section in self.sections for picture in section.pictures]
