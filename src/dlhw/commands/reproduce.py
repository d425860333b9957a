"""The command line of `dlhw-reproduce`."""

import argparse
import io
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dlhw.commands.cli import run_command
from dlhw.display import visible
from dlhw.errors import ConfigError

if TYPE_CHECKING:
    from dlhw.reproduce.outcome import Outcome

OUT, FALSIFY_OUT = Path("runs/reproduce"), Path("runs/falsify")
EPILOG = """\
examples:
  dlhw-reproduce                          every experiment
  dlhw-reproduce --quick --check          the quick, exact ones; exits with 1 if a verdict is not good
  dlhw-reproduce cs7643/lr cs229          one experiment, and all of a source
  dlhw-reproduce --list                   the experiments and their questions
  dlhw-reproduce --falsify cs7643/lr      run wrong recipes, see which of them the verdict detects
  dlhw-reproduce --table FILE             write the table of the results so far into a page

Each experiment runs as `dlhw-train experiment=SOURCE/NAME` in a process of its own, its runs in a folder
below --out: the same command again runs only what is missing. --out/index.html is one page that needs nothing
else and is rewritten after each experiment; each experiment also has a report and a log (train.log).
Experiments whose data is missing are skipped, and the page says so.

--table FILE writes the table of the results in --out between these lines of FILE, which must be there, and
runs nothing (docs/results/experiments.md was written in this way):
  <!-- reproduced: begin -->
  <!-- reproduced: end -->

--falsify runs each experiment as it is (the control) and once per entry of its `mutations`, deliberately
wrong recipes, with one seed or the experiment's `mutation_seeds`. A mutation is detected if a published
number or a check that holds for the control does not hold for it; one with `visible: false` need not be
detected; the entry says why.
--out then defaults to runs/falsify and holds falsify.json and falsify.md; --table FILE writes the table of
mutations between these lines of FILE:
  <!-- falsified: begin -->
  <!-- falsified: end -->

Exit status: 0; 1 if an experiment could not be run, and with --check if a verdict is DISAGREES, undecided (an
interval crosses its limit) or incomplete (a run diverged, failed or is missing); with --falsify also if a
control fails or a visible mutation is not detected; 2 for a wrong command line; 130 after Ctrl-C and 143
after a kill, with all completed experiments on the page.
"""


def main() -> None:
    """Entry point of the command."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    run_command("dlhw-reproduce", lambda: reproduce(sys.argv[1:]))


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="dlhw-reproduce",
        description="Run the experiments and lay their results beside the published ones.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("experiments", nargs="*", metavar="EXPERIMENT", help="SOURCE/NAME, or SOURCE for all of it")
    add("--check", action="store_true", help="exit with 1 if a verdict is DISAGREES, undecided or incomplete")
    add("--quick", action="store_true", help="only those that take seconds and need no files")
    add("--falsify", action="store_true", help="run deliberately wrong recipes, which must be detected")
    add("--out", type=Path, metavar="DIR", help=f"folder to write into (default: {OUT}, or {FALSIFY_OUT})")
    add("--list", action="store_true", help="print the experiments, run nothing")
    # --readme is the former name.
    add(
        "--table",
        "--readme",
        type=Path,
        metavar="FILE",
        help="write the table of results (with --falsify: of mutations) in --out into FILE",
    )
    args = parser.parse_args(argv)
    if args.falsify and args.check:
        parser.error("--falsify does not take --check")
    args.out = args.out or (FALSIFY_OUT if args.falsify else OUT)
    return args


def reproduce(argv: Sequence[str]) -> int:
    """Do what the command line says; returns the exit status."""
    args = parse(argv)
    from dlhw.reproduce.experiments import chosen_experiments, list_lines

    labels = chosen_experiments(args.experiments, quick=args.quick)
    if args.list:
        print("\n".join(list_lines(labels)))
        return 0
    if args.table is not None:
        if args.falsify:
            from dlhw.reproduce.falsify_session import write_table
        else:
            from dlhw.reproduce.results_table import write_table

        write_table(args.table, args.out)
        print(visible(f"{args.table}: table of {args.out}"))
        return 0
    if not labels:
        raise ConfigError("there is no experiment to run")
    if args.falsify:
        from dlhw.reproduce.falsify_session import FalsifySession

        return FalsifySession(args.out, labels).run()
    from dlhw.reproduce.outcome import tally
    from dlhw.reproduce.session import ReproduceSession

    session = ReproduceSession(args.out, labels, shlex.join(["dlhw-reproduce", *argv]))
    interrupted = session.run()
    print(f"\n{tally(session.outcomes)}\npage: {visible(str(session.page))}")
    return interrupted or status_of(session.outcomes, check=args.check)


def status_of(outcomes: Sequence["Outcome"], *, check: bool) -> int:
    """1 for an experiment that failed, and with `check` for one whose verdict does not pass."""
    return int(any(outcome.failed or (check and not outcome.passes) for outcome in outcomes))


if __name__ == "__main__":
    main()
