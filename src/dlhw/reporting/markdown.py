"""A report as Markdown: report.md."""

import re
from collections.abc import Iterator

from dlhw.display import visible
from dlhw.reporting.document import Document, Section
from dlhw.reporting.table import Entry, Line, Table

MARK = "<!-- made by dlhw-report -->"
# What Markdown would take for markup in running text and in tables.
SPECIAL = re.compile(r"([\\`*_|<>#&~$]|\]\()")


def markdown(document: Document) -> str:
    """The whole report; pictures are linked to as figures/NAME.png."""
    parts = [MARK, f"# {escape(document.title)}", *map(escape, document.summary)]
    for section in document.sections:
        parts += _section(section)
    parts.append(f"Made by `{visible(document.command).replace('`', '')}`.")
    return "\n\n".join(parts) + "\n"


def escape(text: str) -> str:
    r"""Text that Markdown shows as it stands.

    >>> escape("half_squared|error")
    'half\\_squared\\|error'
    """
    return SPECIAL.sub(r"\\\1", visible(text.replace("\n", " ")))


def _section(section: Section) -> Iterator[str]:
    yield f"## {escape(section.title)}"
    yield from map(escape, section.text)
    if section.table is not None:
        yield markdown_table(section.table)
        yield from map(escape, section.table.caption)
    for picture in section.pictures:
        yield f"![{escape(picture.alt)}](figures/{picture.name}.png)"
        yield escape(picture.caption)
    if section.settings:
        yield "\n".join(f"- {escape(key)}: {escape(value)}" for key, value in section.settings)


def markdown_table(table: Table) -> str:
    """The table alone; the best line is bold."""
    rule = ["---" if letter == "l" else "---:" for letter in table.align]
    rows = [list(map(escape, table.headings)), rule, *map(_row, table.lines)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _row(line: Line) -> list[str]:
    return [_entry(entry, line.is_strong) for entry in line.entries]


def _entry(entry: Entry, is_strong: bool) -> str:
    text = escape(entry.text)
    text = f"**{text}**" if is_strong and text else text
    return f"{text} {escape(entry.below)}".strip()
