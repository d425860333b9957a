"""Run one experiment in a process of its own, so that its memory comes back and its failure is its own."""

import multiprocessing
import os
import signal
import sys
from collections.abc import Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path

from dlhw.cli import FULL_ERROR
from dlhw.sweep.grid import quoted

# How long an interrupted run may take to write what it has.
PATIENCE = 30.0
# Lines of a failed run's log that are shown.
TAIL = 12
LOG = "train.log"
# Two of the three seconds of a small experiment are imports. Where processes can be forked, children come
# from one that has done them once, and nothing else: it has computed nothing, and has no thread of ours.
IMPORTED = ["dlhw.train", "dlhw.launcher.cohorts", "dlhw.reporting.console", "pandas", "scipy.optimize"]


def train(label: str, folder: Path, changes: Sequence[str] = ()) -> tuple[int, str]:
    """Do what `dlhw-train experiment=LABEL` does, with runs below `folder` and output in `folder`/train.log.

    Args:
        label: such as `cs7643/lr`.
        folder: of the sweep; made if need be.
        changes: further overrides.

    Returns:
        The exit status, and the last lines of the log.

    Raises:
        KeyboardInterrupt: if we are interrupted, once the child has ended.
    """
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / LOG
    log.touch()
    child = _process(arguments(label, folder, changes), log)
    child.start()
    try:
        child.join()
    except BaseException:
        _end(child)
        raise
    return child.exitcode or 0, tail(log)


def _process(argv: list[str], log: Path) -> BaseProcess:
    if sys.platform != "linux":  # elsewhere libraries do not bear a fork
        return multiprocessing.get_context("spawn").Process(target=_run, args=(argv, log))
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(IMPORTED)
    return context.Process(target=_run, args=(argv, log))


def _run(argv: list[str], log: Path) -> None:
    """The child: be `dlhw-train` with these arguments."""
    os.setsid()  # Ctrl-C reaches it by our parent alone, and only once
    with log.open("wb") as output, open(os.devnull, "rb") as nothing:
        for source, number in ((nothing, 0), (output, 1), (output, 2)):
            os.dup2(source.fileno(), number)
    # our parent's command has Hydra raise its errors; this one tells them in sentences
    os.environ.pop(FULL_ERROR, None)
    from dlhw.train import main

    sys.argv = ["dlhw-train", *argv]
    main()


def arguments(label: str, folder: Path, changes: Sequence[str] = ()) -> list[str]:
    """The child's command line. Runs of an earlier version of code or config are trained anew."""
    return [
        f"experiment={label}",
        *changes,
        f"hydra.sweep.dir={quoted(str(folder))}",
        "hydra.sweeper.on_change=recompute",
        "tracking.console=none",
        "tracking.tensorboard=false",
    ]


def _end(child: BaseProcess) -> None:
    """Let the child end as after Ctrl-C; if it will not, end it."""
    for how in (signal.SIGINT, signal.SIGKILL):
        if child.is_alive() and child.pid is not None:
            os.kill(child.pid, how)
            child.join(PATIENCE)


def tail(log: Path) -> str:
    """The last lines of a log."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join([line.rstrip() for line in lines if line.strip()][-TAIL:])
