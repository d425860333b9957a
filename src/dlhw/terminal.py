"""Terminal output shared by all commands: a console that survives `| head`, a spinner, warnings."""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console


class PipeSafeConsole(Console):
    """A console whose reader may close the pipe (`dlhw-train | head`): the run continues silently."""

    def on_broken_pipe(self) -> None:
        """Called by rich, whose own version ends the process."""
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.file.fileno())


@contextmanager
def spinner(text: str) -> Iterator[None]:
    """Show `text` until the block ends: with a spinner and seconds on a terminal, in the log elsewhere."""
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    console = Console(file=sys.stderr)
    if not console.is_terminal or console.is_dumb_terminal:
        logging.getLogger("dlhw").info(text)
        yield
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        progress.add_task(text, total=None)
        yield


def warn(text: str) -> None:
    """Print a warning on standard error."""
    print(f"warning: {text}", file=sys.stderr, flush=True)
