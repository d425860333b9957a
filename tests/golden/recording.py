"""Train every golden run with a source tree, and reduce each to what must not change."""

import csv
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from safetensors.numpy import load_file

from tests.golden.configs import DIVERGING, ON_TWO_THREADS, RESUMED, RUNS, SWEEPS

# Of summary.json; the rest are times, versions, places and identities of code and config.
KEPT = (
    "status", "diverged_at", "epochs", "steps", "final", "best_epoch", "best_step", "best", "selected", "run", "seed",
    "num_parameters", "num_samples", "class_names", "split_hashes", "values", "found", "dtype",
)  # fmt: skip
PATIENCE = 120.0  # seconds
Fingerprint = dict[str, Any]


class Tree:
    """A process that runs `dlhw-train` of a source tree.

    Args:
        root: of the tree; it has pyproject.toml, conf/ and src/.
        threads: that torch and BLAS may use.
    """

    def __init__(self, root: Path, threads: int) -> None:
        own = Path(__file__).parents[2]
        env = {key: value for key, value in os.environ.items() if key != "DLHW_PLUGINS"}
        env |= {
            "PYTHONPATH": f"{root / 'src'}{os.pathsep}{own}",
            "OMP_NUM_THREADS": str(threads),
            "COLUMNS": "120",
        }
        self._server = subprocess.Popen(
            [sys.executable, "-m", "tests.golden.server", str(root)],
            cwd=own, env=env, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def __enter__(self) -> "Tree":
        return self

    def __exit__(self, *_: object) -> None:
        self._server.communicate()

    def start(self, cwd: Path, *arguments: str) -> int:
        """Begin a command in a folder, which is made; returns its process id."""
        cwd.mkdir(parents=True, exist_ok=True)
        return self._ask(start=arguments, cwd=str(cwd))

    def wait(self, pid: int) -> int:
        """Exit status, -N if signal N ended it."""
        return self._ask(wait=pid)

    def run(self, cwd: Path, *arguments: str, status: int = 0) -> None:
        """Run a command to its end, which must have that exit status."""
        if self.wait(self.start(cwd, *arguments)) != status:
            raise RuntimeError(
                f"{cwd.name}: dlhw-train {' '.join(arguments)}\n{(cwd / 'output.txt').read_text()}"
            )

    def _ask(self, **question: Any) -> int:
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps(question) + "\n")
        self._server.stdin.flush()
        return int(self._server.stdout.readline())


def record(root: Path, out: Path, chosen: Collection[str] = ()) -> dict[str, Fingerprint]:
    """The fingerprints of golden runs.

    Args:
        root: of the source tree.
        out: folder for the runs, which does not exist yet.
        chosen: names of runs and sweeps, by default all.
    """
    fingerprints: dict[str, Fingerprint] = {}
    for threads in (1, 2):
        with Tree(root, threads) as tree:
            for name in names(threads):
                if not chosen or name in chosen:
                    folder = out / f"{name}-{threads}"
                    _train(tree, name, folder)
                    fingerprints |= _fingerprints(folder, f"{name}, {threads} thread(s)")
    return fingerprints


def names(threads: int = 1) -> list[str]:
    """What is trained on a number of threads."""
    return [*RUNS, *SWEEPS, *RESUMED] if threads == 1 else list(ON_TWO_THREADS)


def _train(tree: Tree, name: str, cwd: Path) -> None:
    if name in RUNS:
        tree.run(cwd, *RUNS[name], "hydra.run.dir=out/run")
    elif name in SWEEPS:
        tree.run(cwd, "-m", *SWEEPS[name], "hydra.sweep.dir=out", status=int(name in DIVERGING))
    else:
        _interrupt(tree, cwd, *RESUMED[name], "hydra.run.dir=out/run")
        tree.run(cwd, "resume=out/run")


def _interrupt(tree: Tree, cwd: Path, *arguments: str) -> None:
    """Kill a run after some of its evaluations. Where it was does not change what it ends with."""
    pid = tree.start(cwd, *arguments)
    metrics = cwd / "out" / "run" / "metrics.csv"
    end = time.monotonic() + PATIENCE
    while not (metrics.is_file() and metrics.read_bytes().count(b"\n") > 8):
        if time.monotonic() > end:
            raise RuntimeError(f"{cwd.name} has no evaluations after {PATIENCE:g} s")
        time.sleep(0.002)
    os.kill(pid, signal.SIGKILL)
    if tree.wait(pid) != -signal.SIGKILL:
        raise RuntimeError(f"{cwd.name} ended before it was killed: make it longer")


def _fingerprints(cwd: Path, title: str) -> dict[str, Fingerprint]:
    """Title and name of each run below a folder -> its fingerprint."""
    summaries = sorted((cwd / "out").rglob("summary.json"))
    return {f"{title}, {path.parent.name}": fingerprint(path.parent) for path in summaries}


def fingerprint(folder: Path) -> Fingerprint:
    """Reduce a run to hashes of its parameters, its curves without times, and its numbers."""
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    result: Fingerprint = {key: summary.get(key) for key in KEPT}
    for path in sorted((folder / "checkpoints").glob("*.safetensors")):
        result[path.stem] = tensors_hash(load_file(path))
    if (folder / "metrics.csv").is_file():
        with (folder / "metrics.csv").open(newline="", encoding="utf-8") as file:
            result["curves"] = [
                {key: row[key] for key in row if key != "seconds"} for row in csv.DictReader(file)
            ]
    return result


def tensors_hash(tensors: Mapping[str, Any]) -> str:
    """SHA-256 of names, types, shapes and bytes."""
    total = hashlib.sha256()
    for name in sorted(tensors):
        array = tensors[name]
        total.update(f"{name} {array.dtype} {array.shape}\n".encode())
        total.update(array.tobytes())
    return total.hexdigest()
