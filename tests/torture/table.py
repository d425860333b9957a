"""The table of faults, as Markdown, and its place in a page."""

import platform
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import torch

from dlhw.environment import machine, versions
from dlhw.errors import RunFolderError
from dlhw.files import write_atomic
from dlhw.reporting.formats import escape_markdown
from dlhw.source import git_state
from tests.torture.row import Row

BEGIN, END = "<!-- torture: begin -->", "<!-- torture: end -->"
HEADINGS = ("fault", "injected", "runs", "lost", "torn", "wrong")
ALIGN = ("---", *["---:"] * 5)


def table(rows: Iterable[Row]) -> str:
    """A row for each fault."""
    lines = [
        (
            escape_markdown(row.fault),
            *(f"{count:,}" for count in (row.injected, row.runs, row.lost, row.torn, row.wrong)),
        )
        for row in rows
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in [HEADINGS, ALIGN, *lines])


def about(command: str, seconds: float) -> str:
    """How the table was made: command, time, date, machine, versions, commit."""
    info = machine("cpu")
    used = ", ".join(f"{name} {version}" for name, version in versions().items())
    state = git_state()
    commit = (
        "" if state is None else f", commit {state['commit'][:12]}" + " with changes" * bool(state["dirty"])
    )
    return (
        f"Made by `{command}` in {seconds / 60:.1f} minutes, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, on "
        f"{escape_markdown(info['cpu'])}, {torch.get_num_threads()} threads, {escape_markdown(platform.platform())}; {used}{commit}."
    )


def fill(page: Path, text: str) -> None:
    """Replace the text between the markers of a page.

    Raises:
        RunFolderError: if the page lacks the markers; it stays as it is.
    """
    before, begin, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise RunFolderError(
            f"{page} must hold the lines {BEGIN} and {END}, with nothing but the table between"
        )
    write_atomic(page, f"{before}{BEGIN}\n{text}\n{END}{after}")
