"""What `dlhw-gradcheck` prints: a table with the culprits below it, or JSON."""

import argparse
import json
import math
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dlhw.models.gradient_checks import Row


def print_table(rows: "Sequence[Row]", args: argparse.Namespace) -> int:
    """Print a line for each gradient and what is wrong; returns the exit status."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, title="manual gradients, float64", title_justify="left")
    for heading in ("part", "gradient of"):
        table.add_column(heading)
    for heading in ("autograd", "differences", "probes", "kinks", "max |gradient|"):
        table.add_column(heading, justify="right")
    table.add_column("")
    failed = 0
    for part, check in rows:
        passes = check.passes(args.tolerance, args.difference_tolerance)
        failed += not passes
        numbers = (f"{check.error:.1e}", f"{check.difference_error:.1e}", str(check.probes), str(check.kinks))
        verdict = Text("ok") if passes else Text("WRONG", style="red bold")
        if check.scale == 0 and check.fault is not None:  # it raised, or returned something else
            numbers, verdict = ("", "", "", ""), Text("FAILED", style="red bold")
        table.add_row(part, check.name, *numbers, f"{check.scale:.1e}" if numbers[0] else "", verdict)
    Console(markup=False, width=None if sys.stdout.isatty() else 110).print(table)
    for part, text in _faults(rows, args):
        print(f"{part}: {text}")
    tolerances = f"tolerances {args.tolerance:.0e} and {args.difference_tolerance:.0e}"
    print(f"{_summary(failed, len(rows))} ({tolerances})")
    return 1 if failed else 0


def _summary(failed: int, total: int) -> str:
    """
    >>> _summary(1, 6), _summary(0, 6), _summary(0, 1)
    ('1 of 6 gradients are WRONG', 'all 6 gradients are right', 'the gradient is right')
    """
    if total == 1:
        return "the gradient is WRONG" if failed else "the gradient is right"
    return f"{failed} of {total} gradients are WRONG" if failed else f"all {total} gradients are right"


def _faults(rows: "Sequence[Row]", args: argparse.Namespace) -> list[tuple[str, str]]:
    """What is wrong with each part that has a wrong gradient, once."""
    wrong = [row for row in rows if not row[1].passes(args.tolerance, args.difference_tolerance)]
    return list(dict.fromkeys((part, str(check.fault)) for part, check in wrong if check.fault is not None))


def print_json(rows: "Sequence[Row]", args: argparse.Namespace) -> int:
    """Print one object: whether all is right, and every gradient; numbers that are not finite are null.

    Returns:
        The exit status.
    """
    listed = []
    for part, check in rows:
        passes = check.passes(args.tolerance, args.difference_tolerance)
        numbers = {
            name: value if not isinstance(value, float) or math.isfinite(value) else None
            for name, value in asdict(check).items()
        }
        listed.append({"part": part, **numbers, "passes": passes})
    is_right = all(row["passes"] for row in listed)
    limits = {"tolerance": args.tolerance, "difference_tolerance": args.difference_tolerance}
    print(json.dumps({"passes": is_right, **limits, "gradients": listed}, indent=1))
    return 0 if is_right else 1
