"""What a command prints to standard error while it works: a spinner for long waits, and warnings."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn


@contextmanager
def waiting(text: str) -> Iterator[None]:
    """Show `text` until the block ends: with a spinner and seconds on a terminal, in the log elsewhere."""
    terminal = Console(file=sys.stderr)
    if not terminal.is_terminal or terminal.is_dumb_terminal:
        logging.getLogger("dlhw").info(text)
        yield
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Progress(*columns, console=terminal, transient=True) as progress:
        progress.add_task(text, total=None)
        yield


def warn(text: str) -> None:
    """Print a warning."""
    print(f"warning: {text}", file=sys.stderr, flush=True)
