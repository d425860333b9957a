"""A report, free of any format: sections with text, tables and pictures."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A drawn figure.

    Args:
        name: of its files, without extension.
        caption: what it shows, and the meaning of bands and bars.
        alt: description for a reader who cannot see it.
        png: content of the PNG file.
        pdf: content of the PDF file, for a write-up.
    """

    name: str
    caption: str
    alt: str
    png: bytes
    pdf: bytes


@dataclass(frozen=True)
class TableEntry:
    """One entry of a table.

    Args:
        text: its text.
        below: a smaller second line, such as an interval.
    """

    text: str
    below: str = ""


@dataclass(frozen=True)
class TableRow:
    """A row of a table; `is_strong` marks the row of the best cell."""

    entries: Sequence[TableEntry]
    is_strong: bool = False


@dataclass(frozen=True, kw_only=True)
class ReportTable:
    """A table, independent of the output format.

    Args:
        title: in a few words.
        headings: one per column.
        align: one letter per column, "l" or "r".
        lines: the rows.
        caption: sentences below the table.
        is_result: whether it belongs in a write-up, not only in the report.
    """

    title: str
    headings: Sequence[str]
    align: str
    lines: Sequence[TableRow]
    caption: Sequence[str] = ()
    is_result: bool = True


@dataclass(frozen=True, kw_only=True)
class Section:
    """A section of a report.

    Args:
        title: heading.
        text: paragraphs.
        table: below the paragraphs.
        pictures: below the table.
        settings: (key, value) pairs of a collapsed list.
    """

    title: str
    text: Sequence[str] = ()
    table: ReportTable | None = None
    pictures: Sequence[Picture] = ()
    settings: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, kw_only=True)
class Document:
    """A whole report.

    Args:
        title: heading.
        summary: what was run, in a few sentences.
        sections: in order.
        command: the command line that makes this report.
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
