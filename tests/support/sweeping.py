"""Run real sweeps in real processes and read their folders."""

import json
import os
import subprocess
from pathlib import Path

from commands import BIN, QUIET_ENV, run, summary

SMALL = [
    "data.limit=200",
    "trainer.epochs=1",
    "model=softmax",
    "trainer.matmul=highest",
]
SILENT = ["tracking.console=none", "tracking.tensorboard=false", "tracking.checkpoints=false"]


def sweep(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """A sweep of small silent runs."""
    return run("dlhw-train", "-m", *SMALL, *SILENT, *arguments, cwd=cwd)


def start_sweep(*arguments: str, cwd: Path) -> subprocess.Popen[str]:
    """Start such a sweep without waiting for it."""
    command = [str(BIN / "dlhw-train"), "-m", *SMALL, *SILENT, *arguments]
    output = subprocess.PIPE
    return subprocess.Popen(
        command, cwd=cwd, env=os.environ | QUIET_ENV, text=True, stdout=output, stderr=output
    )


def runs_of(folder: Path) -> dict[str, str]:
    """Name -> status of each run below the folder of a sweep."""
    return {path.parent.name: summary(path.parent)["status"] for path in folder.glob("*/summary.json")}


def written(folder: Path) -> dict[str, int]:
    """Name -> time at which the run's summary was written."""
    return {path.parent.name: path.stat().st_mtime_ns for path in folder.glob("*/summary.json")}


def ledger_names(folder: Path) -> set[str]:
    """Names of the cells in the ledger."""
    return set(json.loads((folder / "ledger.json").read_text(encoding="utf-8"))["cells"])
