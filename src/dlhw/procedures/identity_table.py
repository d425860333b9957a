"""The table that `dlhw-gradcheck --identities` prints."""

import sys
from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table

from dlhw.procedures.identities import ALLOWED, Measured

PIPE_WIDTH = 130


def print_identities(measured: Sequence[Measured]) -> int:
    """Print a line for each identity; returns the exit status, 1 if one does not hold."""
    table = Table(box=box.SIMPLE_HEAD, title="identities, float64", title_justify="left")
    table.add_column("identity")
    table.add_column("formula")
    for heading in ("largest deviation", "allowed"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for each in measured:
        verdict = "ok" if each.holds else "[red bold]WRONG"
        table.add_row(each.name, each.formula, f"{each.deviation:.1e}", f"{ALLOWED:.0e}", verdict)
    Console(markup=False, width=None if sys.stdout.isatty() else PIPE_WIDTH).print(table)
    failed = sum(not each.holds for each in measured)
    told = (
        f"{failed} of {len(measured)} identities are WRONG"
        if failed
        else f"all {len(measured)} identities hold"
    )
    print(f"{told} (allowed {ALLOWED:.0e})")
    return 1 if failed else 0
