"""Seconds from typing a command to its first training step, evaluated and printed, with warm files."""

import argparse
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

LIMIT = 4.0
COMMAND = [
    str(Path(sys.executable).parent / "dlhw-train"), "trainer.epochs=1", "trainer.eval_unit=step",
    "tracking.console=plain",
]  # fmt: skip


def first_step() -> float:
    """Wall time until the line of the first evaluation, which comes after one step."""
    with tempfile.TemporaryDirectory() as folder:
        start = perf_counter()
        process = subprocess.Popen(COMMAND, cwd=folder, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("epoch"):
                taken = perf_counter() - start
                process.stdout.read()
                process.wait()
                return taken
    raise SystemExit("the command printed no evaluation")


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="commands after a warm-up (default 5)")
    args = parser.parse_args(argv)
    first_step()
    taken = sorted(first_step() for _ in range(args.rounds))
    print(
        f"\nfrom command to first training step: {statistics.median(taken):.2f} s "
        f"({taken[0]:.2f} to {taken[-1]:.2f}; aim: at most {LIMIT})"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
