"""Run one experiment in a process of its own, so that its memory comes back and its failure is its own."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from dlhw.cli import FULL_ERROR

# How long an interrupted run may take to write what it has.
PATIENCE = 30.0
# Lines of a failed run's log that are shown.
TAIL = 12
LOG = "train.log"


def train(label: str, folder: Path) -> tuple[int, str]:
    """Run `dlhw-train experiment=LABEL` with its runs below `folder`, its output in `folder`/train.log.

    Args:
        label: such as `cs7643/lr`.
        folder: of the sweep; made if need be.

    Returns:
        The exit status, and the last lines of the log.

    Raises:
        KeyboardInterrupt: if we are interrupted, once the child has ended.
    """
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / LOG
    with log.open("wb") as output:
        # A session of its own: Ctrl-C reaches it by us alone, and only once.
        child = subprocess.Popen(
            command(label, folder), stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            start_new_session=True, env=_environment(),
        )  # fmt: skip
        try:
            status = child.wait()
        except BaseException:
            _end(child)
            raise
    return status, tail(log)


def command(label: str, folder: Path) -> list[str]:
    """The child's command line. Runs of an earlier version of code or config are trained anew."""
    options = [
        f"hydra.sweep.dir={quoted(str(folder))}",
        "hydra.sweeper.on_change=recompute",
        "tracking.console=none",
        "tracking.tensorboard=false",
    ]
    return [sys.executable, "-m", "dlhw.train", f"experiment={label}", *options]


def _environment() -> dict[str, str]:
    """Ours, but the child tells errors in sentences: our own command has Hydra raise its errors."""
    return {name: value for name, value in os.environ.items() if name != FULL_ERROR}


def quoted(text: str) -> str:
    r"""Text that Hydra takes as it stands.

    >>> print(quoted("a folder's, name=1"))
    'a folder\'s, name=1'
    """
    escaped = text.replace("\\'", "\\\\'").replace("'", "\\'")
    return f"'{escaped}'"


def _end(child: "subprocess.Popen[bytes]") -> None:
    """Let the child end as after Ctrl-C; if it will not, end it."""
    for how in (signal.SIGINT, signal.SIGKILL):
        if child.poll() is None:
            child.send_signal(how)
            try:
                child.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                continue


def tail(log: Path) -> str:
    """The last lines of a log."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join([line.rstrip() for line in lines if line.strip()][-TAIL:])
