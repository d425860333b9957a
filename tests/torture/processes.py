"""Start the real command, and wait for it."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from commands import BIN
from zygote import QUIET_ENV

# 100 digits, a few steps: a second of imports, and training that takes a moment. Whatever is chosen by
# timing is fixed.
TINY = (
    "data.limit=100", "trainer.batch_size=32", "trainer.matmul=highest",
    "tracking.console=none", "tracking.tensorboard=false",
)  # fmt: skip
PATIENCE = 300.0  # seconds


class Ended(NamedTuple):
    """How a process ended."""

    status: int
    out: str
    err: str


def start(
    *arguments: str,
    cwd: Path,
    env: dict[str, str] | None = None,
    out: int = subprocess.PIPE,
    command: str = "dlhw-train",
    before: Callable[[], None] | None = None,
) -> subprocess.Popen[str]:
    """Start a dlhw command; `env` is added to the environment, `before` is called in the new process."""
    return subprocess.Popen(
        [str(BIN / command), *arguments],
        cwd=cwd,
        env=os.environ | QUIET_ENV | (env or {}),
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=out,
        stderr=subprocess.PIPE,
        preexec_fn=before,
    )


def wait(process: subprocess.Popen[str]) -> Ended:
    """Wait for a process, and return its status and output."""
    out, err = process.communicate(timeout=PATIENCE)
    return Ended(process.returncode, out or "", err or "")


def train(*arguments: str, cwd: Path, env: dict[str, str] | None = None) -> Ended:
    """Start `dlhw-train` and wait for it."""
    return wait(start(*arguments, cwd=cwd, env=env))
