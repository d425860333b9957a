"""`make levels`: recompute the levels of checks by programs that share no code with dlhw, and compare."""

import argparse
import sys
from collections.abc import Sequence
from math import sqrt
from statistics import fmean, stdev

from tests.levels.checks import check_of
from tests.levels.programs import Cell, cells

COLUMNS = "{:<21} {:<46} {:<20} {:>10} {:>9} {:>4} {:>9} {:>9} {:>9}  {}"


def main() -> int:
    """Print the levels; return 0, since the reader judges the marked lines."""
    options = _options(sys.argv[1:])
    chosen = [cell for cell in cells() if not options.names or cell.experiment in options.names]
    if options.list:
        for cell in chosen:
            for metric in cell.metrics:
                print(cell.experiment, _text(cell), metric)
        return 0
    print(
        COLUMNS.format(
            "experiment", "cell", "metric", "mean", "deviation", "n", "error", "value", "tolerance", ""
        )
    )
    for cell in chosen:
        measured = cell.program(options.seeds or cell.num_seeds)
        for metric in cell.metrics:
            print(_row(cell, metric, measured[metric]), flush=True)
    return 0


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.levels", description=__doc__)
    names = list(dict.fromkeys(cell.experiment for cell in cells()))
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"experiments, from {', '.join(names)}; default: all"
    )
    parser.add_argument(
        "--seeds", type=int, help="number of seeds of each cell; default: that of the cell, 6 to 100"
    )
    parser.add_argument("--list", action="store_true", help="list the levels, and compute nothing")
    options = parser.parse_args(arguments)
    for name in options.names:
        if name not in names:
            parser.error(f"no program computes levels of {name}; choose from {', '.join(names)}")
    if options.seeds is not None and options.seeds < 2:
        parser.error(f"--seeds must be at least 2, got {options.seeds}")
    return options


def _text(cell: Cell) -> str:
    return ",".join(f"{key.rpartition('.')[2]}={value}" for key, value in cell.settings.items()) or "-"


def _row(cell: Cell, metric: str, values: Sequence[float]) -> str:
    """One line: the program's mean, deviation and standard error, level and tolerance of the file, and remarks."""
    check = check_of(cell.experiment, cell.settings, metric)
    mean, value, tolerance = fmean(values), check["value"], check["tolerance"]
    numbers = [f"{mean:.6g}", "-", str(len(values)), "-", f"{value:g}", f"{tolerance:g}"]
    notes = []
    if len(values) > 1:
        spread = stdev(values)
        error = spread / sqrt(len(values))
        numbers[1], numbers[3] = f"{spread:.2g}", f"{error:.2g}"
        if abs(mean - value) > 2 * error:
            notes.append(f"value is off by {abs(mean - value) / error:.1f} standard errors")
        if not spread <= tolerance <= 4 * spread:
            notes.append(f"tolerance is {tolerance / spread:.2g} deviations")
    elif abs(mean - value) > tolerance:
        notes.append("value is off by more than the tolerance")
    return COLUMNS.format(cell.experiment, _text(cell), metric, *numbers, "; ".join(notes)).rstrip()


if __name__ == "__main__":
    sys.exit(main())
