"""Compare dlhw with what one would use instead: `python -m benchmarks`, or `make bench`, `make bench-full`.

Every scenario runs in a process of its own, in which the sides take turns. A page, its plots and
results.json are written to OUT/DATE-MACHINE. The exit status is 1 if compared sides computed different
results, or a scenario failed; an aim that is not met is printed, and is no failure.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

from benchmarks.commands import ROOT
from benchmarks.filling import check_markers, fill
from benchmarks.machine import about, label
from benchmarks.page import sections_of, whole_page
from benchmarks.plots import write_plots
from benchmarks.report import Report
from benchmarks.results import Results
from benchmarks.scenarios import SCENARIOS, check_name
from dlhw.errors import RunFolderError, UserError


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--full", action="store_true", help="measure longer, and more points")
    parser.add_argument(
        "--only", nargs="+", metavar="NAME", default=list(SCENARIOS), help=", ".join(SCENARIOS)
    )
    parser.add_argument("--out", type=Path, default=Path("runs/benchmarks"), help="default %(default)s")
    parser.add_argument(
        "--fill",
        nargs="+",
        type=Path,
        default=[],
        metavar="FILE",
        help="write the tables into these documents",
    )
    parser.add_argument("--again", type=Path, metavar="DIR", help="measure nothing; use the results in DIR")
    args = parser.parse_args(argv)
    try:
        return measure_and_write(args)
    except UserError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 1


def measure_and_write(args: argparse.Namespace) -> int:
    """Do what the arguments say; invalid arguments are refused before anything is measured."""
    if args.again is not None:
        results, folder = Results.load(args.again), args.again
        check_fillable(args.fill, list(results.reports))
    else:
        names = list(dict.fromkeys(check_name(name) for name in args.only))
        check_fillable(args.fill, names)
        folder = new_folder(args.out)
        results = measure_all(names, args.full, folder.name)
        write(results, folder)
        print(f"{folder / 'README.md'}")
    if results.disagreements():
        print(f"benchmarks: {'; '.join(results.disagreements())}", file=sys.stderr)
        return 1
    fill_documents(results, folder, args.fill)
    return 0


def check_fillable(paths: Sequence[Path], names: Sequence[str]) -> None:
    """Refuse a document whose markers could not all be filled."""
    for path in paths:
        check_markers(path, ["about", "aims", *names])


def new_folder(out: Path) -> Path:
    """The folder for the page.

    Raises:
        RunFolderError: if it exists.
    """
    folder = out / label()
    if folder.exists():
        raise RunFolderError(f"{folder} exists already; wait a minute, or give another --out")
    return folder


def measure_all(names: Sequence[str], full: bool, label: str) -> Results:
    """Run scenarios one after the other; if one fails, the others are measured nevertheless."""
    lines = about(full)
    reports: dict[str, Report] = {}
    failed = []
    start = perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            file = Path(folder) / f"{name}.json"
            command = [sys.executable, "-m", "benchmarks.scenario", name, str(file)]
            status = subprocess.call([*command, *["--full"] * full], cwd=ROOT)
            if status:
                failed.append(f"the scenario {name} ended with status {status}")
            else:
                reports[name] = Report.from_tree(json.loads(file.read_text(encoding="utf-8")))
    minutes = f"measured in {(perf_counter() - start) / 60:.1f} minutes"
    return Results(label, [*lines, minutes], reports, failed)


def write(results: Results, folder: Path) -> None:
    """Write page, plots and results into a new folder, which appears when it is complete."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".") as name:
        making = Path(name) / results.name
        making.mkdir()
        (making / "README.md").write_text(whole_page(results), encoding="utf-8")
        write_plots(results.reports, making)
        results.save(making)
        making.rename(folder)


def fill_documents(results: Results, folder: Path, paths: Sequence[Path]) -> None:
    """Write the tables between the markers of each document."""
    for path in paths:
        place = Path(os.path.relpath(folder, path.parent)).as_posix() + "/"
        fill(path, sections_of(results, place))
        print(f"{path}: filled")


if __name__ == "__main__":
    sys.exit(main())
