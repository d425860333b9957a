"""`dlhw-report`: tables, figures and a page from run folders."""

import argparse
import io
import shlex
import sys
from pathlib import Path

from dlhw.cli import run_command

EPILOG = """\
examples:
  dlhw-report runs/sweep-lr                          every run below that folder
  dlhw-report runs/sweep-lr runs/sweep-lr-more       several folders, one table
  dlhw-report DIR --by optimizer.lr                  one cell for each lr, averaged over all else
  dlhw-report DIR --by lr,alpha                      the end of a key is enough where it is unique
  dlhw-report DIR --metrics final/val/loss,seconds
  dlhw-report DIR --baseline optimizer.lr=0.1        paired differences, seed by seed

Metrics are WHEN/PART/WHAT: final, best or selected / train, val or test / loss or accuracy; or epochs, steps,
best_epoch, seconds, num_parameters. Selected are the parameters that a run's trainer.select chose.

Writes index.html, report.md, table.csv, table.tex and figures/ into DIR/report. Runs that diverged, failed or
did not finish are listed, never averaged. Exit status 1 if there is nothing to report.
"""


def main() -> None:
    """Entry point of the command."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a console without ± shows ? there, and goes on
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
    add("--by", type=_words, metavar="KEY,...", help="keys that make a cell (default: those that differ)")
    add("--metrics", type=_words, metavar="METRIC,...", help="columns (default: accuracies, or losses)")
    add(
        "--select",
        choices=("val", "test"),
        default="val",
        help="what the best cell is chosen by; with test, every table says so (default: val)",
    )
    add("--baseline", metavar="KEY=VALUE,...", help="cell to compare the others with, seed by seed")
    add("--title", help="of the page (default: the runs' name)")
    return parser.parse_args(argv)


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def report(argv: list[str]) -> int:
    """Write the report, print its table, say where it is."""
    args = parse(argv)
    # Late, so that --help and usage errors need no pandas.
    from dlhw.reporting.compile import compile_report, default_title
    from dlhw.reporting.console import print_table
    from dlhw.reporting.runs import load_runs
    from dlhw.reporting.study import Options, make_study
    from dlhw.reporting.write import refuse_others_files, write_report

    out = args.out or args.dirs[0] / "report"
    refuse_others_files(out)
    options = Options(by=args.by, metrics=args.metrics, select=args.select, baseline=args.baseline)
    study = make_study(load_runs(*args.dirs), options)
    document = compile_report(study, args.title or default_title(study), shlex.join(["dlhw-report", *argv]))
    write_report(study, document, out)
    for table in document.tables:
        print_table(table)
    print(f"\nreport: {out / 'index.html'}")
    return 0


if __name__ == "__main__":
    main()
