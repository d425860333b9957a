"""Watch a process from outside: memory and open files, as the system counts them."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic, sleep
from typing import NamedTuple

from tests.torture.processes import PATIENCE


class Use(NamedTuple):
    """What a process uses at one moment: resident memory in bytes, number of open files."""

    memory: int
    files: int


def uses(process: subprocess.Popen[str], pause: float = 0.2) -> Iterator[Use]:
    """Samples every `pause` seconds until the process ends."""
    folder = Path("/proc", str(process.pid))
    while process.poll() is None:
        try:
            status = (folder / "status").read_text(encoding="utf-8")
            files = len(list((folder / "fd").iterdir()))
        except OSError:  # the process has just ended
            return
        memory = [line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:")]
        if memory:  # a process that has ended and is not reaped has none
            yield Use(1024 * int(memory[0]), files)
        sleep(pause)


def until(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Wait until a condition holds that a process brings about.

    Raises:
        AssertionError: if the process ends first, or the condition does not hold within minutes.
    """
    deadline = monotonic() + PATIENCE
    while not condition():
        assert process.poll() is None, process.communicate()
        assert monotonic() < deadline, "the condition does not hold"
        sleep(0.05)
