"""Whole sweep commands with the fused launcher beside Hydra's basic one, in turn.

The learning-rate sweep of the homework (784-128-10 sigmoid, 10 epochs, MNIST where it is, else digits) with
4 and with 32 learning rates, as whole processes, with everything that a run leaves behind. Afterwards the
scores of both must agree, so that nobody is fast by computing something else.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

RECIPE = [
    "model.activation=sigmoid", "model.init.scheme=normal", "model.init.std=0.001", "regularizer=l2",
    "regularizer.alpha=1e-3", "tracking.console=none", "hydra.sweep.dir=sweep",
]  # fmt: skip
FOUR = ["1", "0.1", "0.05", "0.01"]
LIMITS = {4: 0.65, 32: 0.45}
# Runs of cohorts differ from runs alone by the rounding of float32 over thousands of steps.
SAME_ACCURACY = 0.003


def data_overrides() -> list[str]:
    """MNIST where it can be had, else digits."""
    root = Path(os.environ.get("DLHW_DATA_DIR", "data")).resolve()
    return ["data=mnist", f"data.root={root}"] if (root / "MNIST" / "raw").is_dir() else ["data=digits"]


def rates(count: int) -> list[str]:
    """The homework's four learning rates, or as many as asked between 0.01 and 1."""
    return FOUR if count == 4 else [f"{10 ** (-2 + 2 * place / (count - 1)):.5g}" for place in range(count)]


def seconds(launcher: str, count: int, epochs: int, folder: Path) -> float:
    """Wall time of one whole command."""
    command = [
        str(Path(sys.executable).parent / "dlhw-train"), "-m", f"optimizer.lr={','.join(rates(count))}",
        f"trainer.epochs={epochs}", f"hydra/launcher={launcher}", *data_overrides(), *RECIPE,
    ]  # fmt: skip
    folder.mkdir(parents=True)
    start = perf_counter()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    taken = perf_counter() - start
    if done.returncode:
        raise SystemExit(done.stderr)
    return taken


def accuracies(folder: Path) -> dict[str, float]:
    """Run folder -> test accuracy, of every run of a sweep."""
    summaries = (folder / "sweep").glob("*/summary.json")
    return {
        path.parent.name: json.loads(path.read_text(encoding="utf-8"))["best"]["test"]["accuracy"]
        for path in summaries
    }


def compare(count: int, epochs: int, rounds: int) -> bool:
    """Measure both launchers in turn and print the ratio; False if their scores differ."""
    with tempfile.TemporaryDirectory() as name:
        times: dict[str, list[float]] = {"basic": [], "fused": []}
        for number in range(rounds):
            for launcher, taken in times.items():
                taken.append(seconds(launcher, count, epochs, Path(name) / f"{launcher}-{number}"))
        basic, fused = (accuracies(Path(name) / f"{launcher}-0") for launcher in times)
        difference = max(abs(basic[run] - fused[run]) for run in basic)
    ratios = [fused / basic for basic, fused in zip(times["basic"], times["fused"], strict=True)]
    medians = {launcher: statistics.median(taken) for launcher, taken in times.items()}
    print(
        f"{count:3} learning rates, {epochs} epochs: basic {medians['basic']:6.1f} s, fused "
        f"{medians['fused']:6.1f} s, ratio {statistics.median(ratios):.2f} ({min(ratios):.2f} to "
        f"{max(ratios):.2f}; aim: at most {LIMITS[count]}), test accuracies within {difference:.4f}"
    )
    return difference <= SAME_ACCURACY


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point: returns 1 if the two launchers computed different things."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--epochs", type=int, default=10, help="epochs of each run (default 10)")
    parser.add_argument("--rounds", type=int, default=1, help="commands of each launcher (default 1)")
    args = parser.parse_args(argv)
    print(f"\nsweep over optimizer.lr, {data_overrides()[0]}, whole command")
    same = [compare(count, args.epochs, args.rounds) for count in LIMITS]
    return 0 if all(same) else 1


if __name__ == "__main__":
    raise SystemExit(main())
