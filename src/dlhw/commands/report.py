"""`dlhw-report`: tables, figures and a page from run folders."""

import argparse
import io
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from dlhw.commands.cli import run_command
from dlhw.display import visible
from dlhw.errors import RunFolderError

if TYPE_CHECKING:
    from dlhw.config.experiment import ExperimentConfig

EPILOG = """\
examples:
  dlhw-report runs/sweep-lr                          every run below that folder
  dlhw-report runs/sweep-lr runs/sweep-lr-more       several folders, one table
  dlhw-report DIR --by optimizer.lr                  one row per lr, averaged over all other keys
  dlhw-report DIR --by lr,alpha                      the end of a key is enough if it is unique
  dlhw-report DIR --metrics final/val/loss,seconds
  dlhw-report DIR --baseline optimizer.lr=0.1        differences from that row, paired by seed
  dlhw-report runs/experiments/cs7643-lr --check     do the published numbers agree?

A row of the table is a cell: one combination of swept values, averaged over its seeds. Metrics are
WHEN/SPLIT/KIND: final, best or selected / train, val or test / loss or accuracy; or epochs, steps,
best_epoch, seconds, own_seconds (a run's share of the time of runs that train together), num_parameters.
"selected" means the parameters that the run's trainer.select names.
Further metrics are computed from a run's files, such as spread/val/accuracy, the standard deviation over the
second half of its evaluations, and squared_norm/weights, of its last checkpoint.

Writes index.html, report.md, table.csv, table.tex and figures/ into DIR/report. Runs that diverged, failed or
did not finish are listed, never averaged. For a sweep of experiment=SOURCE/NAME the report shows the
published values beside dlhw's and the experiment's checks, and writes published.csv and checks.csv.

Exit status 1 if there is nothing to report; with --check, 1 too if the verdict is DISAGREES, undecided (an
interval crosses its limit) or incomplete (a run diverged, failed or is missing).
"""


def main() -> None:
    """Entry point of the command."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a console without ± shows ? instead
    run_command("dlhw-report", lambda: report(sys.argv[1:]))


def parse(argv: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="dlhw-report",
        description="Make tables, figures and a page from run folders, wherever they were made.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("dirs", nargs="+", type=Path, metavar="DIR", help="folder of a run, of a sweep, or of many of them")
    add("--out", type=Path, metavar="DIR", help="folder to write into (default: report/ in the first DIR)")
    add("--by", type=_words, metavar="KEY,...", help="keys of the table's rows (default: those that differ)")
    add("--metrics", type=_words, metavar="METRIC,...", help="columns (default: accuracies, or losses)")
    add(
        "--select",
        choices=("val", "test"),
        default="val",
        help="split that selects the best cell; with test, every table says so (default: val)",
    )
    add("--baseline", metavar="KEY=VALUE,...", help="cell to compare the others with, paired by seed")
    add(
        "--versions",
        action="store_true",
        help="separate runs of other data or code (default: only if a cell would average them)",
    )
    add("--check", action="store_true", help="exit with 1 on DISAGREES, undecided or incomplete")
    add(
        "--experiment",
        metavar="SOURCE/NAME",
        help="judge by the current file of this experiment (default: what the sweep in DIR was run with)",
    )
    add("--title", help="of the page (default: the runs' name)")
    return parser.parse_args(argv)


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def report(argv: list[str]) -> int:
    """Write the report, print its tables and its path; returns the exit status."""
    args = parse(argv)
    # Late, so that --help and usage errors need no pandas.
    from dlhw.execution.saved_classifier import load_classifier
    from dlhw.reporting.console import print_table, print_verdict
    from dlhw.reporting.frames import load_runs
    from dlhw.reporting.judge import judge_runs
    from dlhw.reporting.report import compile_report, default_title, refuse_others_files, write_report
    from dlhw.reporting.study import ReportOptions

    out = args.out or args.dirs[0] / "report"
    refuse_others_files(out)
    experiment = experiment_of(args)
    options = ReportOptions(
        by=args.by, metrics=args.metrics, select=args.select, baseline=args.baseline, versions=args.versions
    )
    study, agreement = judge_runs(load_runs(*args.dirs), experiment, options)
    title = args.title or (experiment.label if experiment else default_title(study))
    command = shlex.join(["dlhw-report", *argv])
    document = compile_report(study, title, command, agreement=agreement, load_classifier=load_classifier)
    write_report(study, document, out, agreement)
    for table in document.tables:
        print_table(table)
    print(f"\nreport: {visible(str(out / 'index.html'))}")
    if agreement is None:
        return 0
    print_verdict(agreement)
    return int(args.check and not agreement.passes)


def experiment_of(args: argparse.Namespace) -> "ExperimentConfig | None":
    """The experiment given by --experiment, or the one that the first folder's sweep was run with.

    Raises:
        ConfigError: if there is no such experiment.
        RunFolderError: if there is none although --check is given, or the saved one cannot be read.
    """
    from dlhw.hydra_support.compose import load_experiment
    from dlhw.reporting.judge import saved_experiment

    if args.experiment is not None:
        return load_experiment(args.experiment)
    experiment = saved_experiment(args.dirs[0])
    if experiment is None and args.check:
        raise RunFolderError(
            f"--check: {args.dirs[0]} is not the folder of an experiment: name one with --experiment"
        )
    return experiment


if __name__ == "__main__":
    main()
