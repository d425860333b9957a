"""Whole commands, as users type them."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks.problem import mnist_folder

BIN = Path(sys.executable).parent
ROOT = Path(__file__).parents[1]
# A child of this large process would be reported with the memory of its parent; a small process in between
# reports its own.
PEAK = (
    "import resource, subprocess, sys\n"
    "status = subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL)\n"
    "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n"
    "sys.exit(status)"
)


def data_overrides() -> list[str]:
    """MNIST if it is available, else digits."""
    root = mnist_folder()
    return ["data=digits"] if root is None else ["data=mnist", f"data.root={root}"]


def train_command(*arguments: str) -> list[str]:
    """`dlhw-train` of this environment."""
    return [str(BIN / "dlhw-train"), *arguments]


def run(command: Sequence[str], folder: Path) -> tuple[float, str]:
    """Wall time and output of a command that must succeed."""
    folder.mkdir(parents=True, exist_ok=True)
    start = perf_counter()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    taken = perf_counter() - start
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with status {done.returncode}:\n{done.stderr}")
    return taken, done.stdout


def peak_bytes(command: Sequence[str], folder: Path) -> int:
    """Peak memory of a command's process, in bytes."""
    _, out = run([sys.executable, "-c", PEAK, *command], folder)
    # kilobytes, but bytes on macOS
    return int(out.split()[-1]) * (1 if sys.platform == "darwin" else 1024)


def first_line(command: Sequence[str], folder: Path, beginning: str) -> float:
    """Seconds until a command prints a line with this beginning; the command then runs to its end."""
    folder.mkdir(parents=True, exist_ok=True)
    start = perf_counter()
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith(beginning):
                taken = perf_counter() - start
                process.stdout.read()
                return taken
    raise RuntimeError(f"{' '.join(command)} printed no line that begins with {beginning!r}")


def accuracies_of_test(folder: Path, score: str = "best") -> dict[str, float]:
    """Run folder -> test accuracy, of every run below a sweep's folder."""
    accuracies = {}
    for path in sorted(folder.rglob("summary.json")):
        tree: Any = json.loads(path.read_text(encoding="utf-8"))
        accuracies[path.parent.name] = float(tree[score]["test"]["accuracy"])
    return accuracies
