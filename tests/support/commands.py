"""Run the real commands in real processes."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

BIN = Path(sys.executable).parent
# One thread: small tensors gain nothing, and tests may run beside each other.
QUIET_ENV = {"OMP_NUM_THREADS": "1", "COLUMNS": "120"}
FAST = ["trainer.epochs=2", "tracking.console=plain"]


def run(command: str, *args: str, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Run one of our commands in a folder of its own; `env` adds variables."""
    full = {name: value for name, value in os.environ.items() if name != "HYDRA_FULL_ERROR"}
    return subprocess.run(
        [str(BIN / command), *args], cwd=cwd, capture_output=True, text=True, timeout=120,
        env=full | QUIET_ENV | env, check=False,
    )  # fmt: skip


def train(*overrides: str, cwd: Path, **env: str) -> Path:
    """Train a run that must succeed; returns its folder."""
    before = set(run_folders(cwd))
    done = run("dlhw-train", *overrides, cwd=cwd, **env)
    assert done.returncode == 0, done.stderr
    (folder,) = set(run_folders(cwd)) - before
    return folder


def run_folders(cwd: Path) -> list[Path]:
    """Every folder under runs/ that has a .hydra in it."""
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
