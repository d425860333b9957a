"""`make torture`: inject faults into real runs, count what was lost, torn or wrong, and write the table."""

import argparse
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from time import monotonic
from typing import NamedTuple

from dlhw.source import code_version
from tests.torture.bytes import mutated_files
from tests.torture.compiling import kill_compiling
from tests.torture.environments import same_bits
from tests.torture.folders import data_changed, folder_replaced, foreign_folders
from tests.torture.kills import full_disk, kill_single, kill_sweep
from tests.torture.long import many_cells, many_evaluations
from tests.torture.races import two_runs, two_sweeps
from tests.torture.row import Row
from tests.torture.table import about, fill, table

PAGE = Path("docs", "results", "faults.md")


class Scenario(NamedTuple):
    """A kind of fault.

    Args:
        inject: called with the number of injections and a seed.
        full: number of injections for the page.
        quick: number of injections in CI.
    """

    inject: Callable[[int, int], Row]
    full: int
    quick: int


SCENARIOS = {
    "kill-single": Scenario(kill_single, 60, 35),
    "kill-sweep": Scenario(kill_sweep, 30, 15),
    "kill-compiling": Scenario(kill_compiling, 20, 2),
    "full-disk": Scenario(full_disk, 10, 3),
    "bytes": Scenario(mutated_files, 5_000, 500),
    "two-runs": Scenario(two_runs, 8, 2),
    "two-sweeps": Scenario(two_sweeps, 4, 1),
    "folder-replaced": Scenario(folder_replaced, 10, 2),
    "data-changed": Scenario(data_changed, 5, 1),
    "foreign-folders": Scenario(foreign_folders, 20, 4),
    "environment": Scenario(lambda count, seed: same_bits(count), 6, 3),
    "evaluations": Scenario(lambda count, seed: many_evaluations(count), 100_000, 3_000),
    "cells": Scenario(lambda count, seed: many_cells(count), 2_000, 200),
}


def main() -> int:
    """Run the scenarios; return 1 if anything was lost, torn or wrong."""
    options = _options(sys.argv[1:])
    chosen = {name: SCENARIOS[name] for name in options.only or SCENARIOS}
    started, rows, code = monotonic(), [], code_version.__wrapped__()
    for name, scenario in chosen.items():
        rows.append(_run(name, scenario, options))
    seconds = monotonic() - started
    text = f"{table(rows)}\n\n{about(_command(), seconds)}"
    print(f"\n{text}")
    if code_version.__wrapped__() != code:
        print("\ntorture: the code changed during the run, so the results are invalid: run it again")
        return 1
    is_clean = all(row.is_clean for row in rows)
    if is_clean and not options.quick and not options.only:
        fill(PAGE, text)
        print(f"\ntorture: {PAGE}")
    return 0 if is_clean else 1


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="inject few faults; do not write the page")
    parser.add_argument(
        "--only", nargs="+", choices=SCENARIOS, help="inject only these faults; do not write the page"
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the random moments and bytes")
    return parser.parse_args(arguments)


def _run(name: str, scenario: Scenario, options: argparse.Namespace) -> Row:
    count, started = scenario.quick if options.quick else scenario.full, monotonic()
    row = scenario.inject(count, options.seed)
    counts = f"lost {row.lost}, torn {row.torn}, wrong {row.wrong}"
    print(
        f"{name}: {row.fault}, {row.injected} injected: {counts}  ({monotonic() - started:.0f} s)", flush=True
    )
    return row


def _command() -> str:
    arguments = shlex.join(sys.argv[1:])
    return f'make torture ARGS="{arguments}"' if arguments else "make torture"


if __name__ == "__main__":
    sys.exit(main())
