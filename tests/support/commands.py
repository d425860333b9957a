"""Run the real commands in real processes."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from zygote import QUIET_ENV, Start, shared

BIN = Path(sys.executable).parent
PATIENCE = 120  # seconds
FAST = ["trainer.epochs=2", "tracking.console=plain"]


def run(command: str, *args: str, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Run one of dlhw's commands, or another of the environment's, in a folder of its own.

    Args:
        command: such as "dlhw-train" or "python".
        args: its arguments.
        cwd: the folder.
        env: adds variables. An interpreter may read them at its start, so they need a new process. Without
            them, dlhw's commands are forked from a process that has imported everything: this saves two seconds.
    """
    full = {name: value for name, value in os.environ.items() if name != "HYDRA_FULL_ERROR"} | QUIET_ENV
    if command.startswith("dlhw-") and not env:
        return _forked(command, args, cwd, full)
    return subprocess.run(
        [str(BIN / command), *args], cwd=cwd, capture_output=True, text=True, timeout=PATIENCE,
        env=full | env, check=False,
    )  # fmt: skip


def _forked(
    command: str, args: tuple[str, ...], cwd: Path, env: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    with TemporaryDirectory() as name:
        out, err = Path(name, "out"), Path(name, "err")
        process = Start(command, args, str(cwd), env, out=str(out), err=str(err), seconds=PATIENCE)
        status = shared().wait(shared().begin(process))
        output = [path.read_text(encoding="utf-8", errors="replace") for path in (out, err)]
    return subprocess.CompletedProcess([command, *args], status, *output)


def train(*overrides: str, cwd: Path, **env: str) -> Path:
    """Train a run that must succeed; returns its folder."""
    before = set(run_folders(cwd))
    done = run("dlhw-train", *overrides, cwd=cwd, **env)
    assert done.returncode == 0, done.stderr
    (folder,) = set(run_folders(cwd)) - before
    return folder


def run_folders(cwd: Path) -> list[Path]:
    """Every folder under runs/ that contains a .hydra folder."""
    return sorted(path.parent for path in (cwd / "runs").rglob(".hydra"))


def summary(folder: Path) -> dict[str, Any]:
    """summary.json of a run."""
    loaded: dict[str, Any] = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    return loaded


def metrics(folder: Path) -> list[dict[str, str]]:
    """Rows of metrics.csv of a run."""
    with (folder / "metrics.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def tree(folder: Path) -> set[str]:
    """Every file below a folder."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
