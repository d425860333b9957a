"""A report, free of any format: sections with text, a table, pictures."""

from collections.abc import Sequence
from dataclasses import dataclass

from dlhw.reporting.picture import Picture
from dlhw.reporting.table import Table


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
    table: Table | None = None
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
    def tables(self) -> list[Table]:
        return [section.table for section in self.sections if section.table is not None]

    @property
    def pictures(self) -> list[Picture]:
        return [picture for section in self.sections for picture in section.pictures]
