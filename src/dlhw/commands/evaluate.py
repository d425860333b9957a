"""`dlhw-eval`: restore a run from its folder and evaluate it again."""

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlhw.commands.cli import run_command
from dlhw.display import visible
from dlhw.errors import RunFolderError
from dlhw.runs.saved_config import saved_config

if TYPE_CHECKING:
    from dlhw.training.events import Scores

EPILOG = """\
examples:
  dlhw-eval runs/digits-mlp/2025-01-31_12-00-00-000000
  dlhw-eval RUN_DIR --checkpoint last
  dlhw-eval RUN_DIR data.root=/other/place/of/the/data

The table shows each split's loss and accuracy beside what summary.json recorded. Training scores are only
compared where they were measured by a full pass (trainer.train_metrics=full).
Exit status 0: as recorded, up to rounding; 1: not, or the run cannot be restored.
"""


def main() -> None:
    """Entry point of the command."""
    run_command("dlhw-eval", lambda: evaluate(sys.argv[1:]))


def parse(argv: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="dlhw-eval",
        description="Restore a run from its folder and evaluate it again.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("run_dir", type=Path, metavar="RUN_DIR", help="folder of a run")
    parser.add_argument(
        "overrides", nargs="*", metavar="KEY=VALUE", help="such as data.root or trainer.device"
    )
    parser.add_argument(
        "--checkpoint",
        choices=("best", "last"),
        help="parameters to evaluate (default: the run's trainer.select)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    return parser.parse_args(argv)


def evaluate(argv: list[str]) -> int:
    """Evaluate a run again, print the scores, return the exit status."""
    args = parse(argv)
    config = saved_config(args.run_dir, args.overrides)
    if not config.procedure.trains:
        raise RunFolderError(
            f"{args.run_dir} holds what procedure={config.procedure.name} found, and no parameters to "
            "measure again: summary.json has its values, and dlhw-train computes them anew"
        )
    checkpoint = args.checkpoint or str(config.trainer.select)
    from dlhw.execution.evaluation import compare_with_summary, count_other_predictions, differs

    evaluated, recorded = compare_with_summary(config, args.run_dir, checkpoint)
    scores = evaluated.scores
    if args.json:
        print(json.dumps({split: asdict(result) for split, result in scores.items()}, indent=2))
    else:
        _print_table(args.run_dir, checkpoint, scores, recorded)
    others = count_other_predictions(args.run_dir, checkpoint, evaluated)
    if others:
        print(
            f"dlhw-eval: {others:,} of {len(evaluated.predicted or []):,} test samples are predicted to be "
            "of another class than in predictions.safetensors",
            file=sys.stderr,
        )
    is_other = any(differs(scores[split], recorded[split]) for split in recorded if split in scores)
    return int(is_other or others > 0)


def _print_table(
    folder: Path, checkpoint: str, scores: "Mapping[str, Scores]", recorded: Mapping[str, Any]
) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from dlhw.execution.evaluation import differs

    title = Text(visible(f"{folder}, checkpoint {checkpoint}"), style="table.title")
    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left")
    for heading in ("", "loss", "accuracy", "recorded loss", "recorded accuracy", ""):
        table.add_column(heading, justify="right" if heading else "left")
    for split, result in scores.items():
        was = recorded.get(split, {})
        verdict = "" if not was else "DIFFERS" if differs(result, was) else "same"
        numbers = (result.loss, result.accuracy, was.get("loss"), was.get("accuracy"))
        table.add_row(split, *("" if value is None else f"{value:.6f}" for value in numbers), verdict)
    Console(markup=False, width=None if sys.stdout.isatty() else 110).print(table)


if __name__ == "__main__":
    main()
