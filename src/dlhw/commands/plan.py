"""`dlhw-plan`: show what a sweep would do, without training or writing anything."""

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from dlhw.commands.cli import COMMON, run_command
from dlhw.display import duration, visible
from dlhw.errors import ConfigError, UserError
from dlhw.execution.grouping import describe, group
from dlhw.runs.folder import RunFolder
from dlhw.runs.ledger import Changes, Ledger, refusal
from dlhw.runs.names import value_name
from dlhw.sweep.prepare import Prepared, Run, sweep_line

if TYPE_CHECKING:
    from rich.table import Table

USAGE = """\
dlhw-plan: show what a sweep would do, without training or writing anything.

usage: dlhw-plan [-m] [GROUP=OPTION,...] [KEY=VALUE,...] ...

The arguments are those of `dlhw-train -m`. It prints the runs and which of them are done, which of them
train together, parameters, estimates of memory and time, and every config error at once (exit status 1).

  dlhw-plan optimizer.lr=1,0.1,0.01 seeds=3
  dlhw-plan '+zip={optimizer.lr:[1,0.1],regularizer.alpha:[1e-3,1e-4]}' regularizer=l2
  dlhw-plan '+grids=[{model:[mlp,cnn]},{model:[softmax],optimizer.lr:[1,0.1]}]'
"""
PIPE_WIDTH = 400


def main() -> None:
    """Entry point of the command."""
    if {"--help", "-h"} & set(sys.argv[1:]):
        print(USAGE, end="")
        return
    from dlhw.hydra_support.overrides import MULTIRUN

    allowed = (*MULTIRUN, *COMMON)
    flags = [word for word in sys.argv[1:] if word.startswith("-") and word not in allowed]
    if flags:
        print(f"dlhw-plan: unknown option {visible(flags[0])}; dlhw-plan --help", file=sys.stderr)
        sys.exit(2)
    run_command("dlhw-plan", lambda: plan([word for word in sys.argv[1:] if word not in MULTIRUN]))


def plan(arguments: Sequence[str]) -> int:
    """Print the plan of a sweep.

    Args:
        arguments: of `dlhw-train -m`.

    Returns:
        The exit status: 1 if a cell cannot be run.

    Raises:
        UserError: if nothing can be run, or done cells have another definition.
    """
    from dlhw.hydra_support.planning import prepare_sweep

    prepared, sweeper = prepare_sweep(arguments)
    ledger = Ledger.read(prepared.folder)
    changes = ledger.changes(prepared.definitions(), list(prepared.keys))
    again = changes if sweeper.on_change == "recompute" else {}
    to_run = [run for run in prepared.runs if run.name in again or not ledger.is_done(run.name)]
    print(sweep_line(prepared, len(prepared.runs) - len(to_run)))
    if prepared.runs:
        _print(cell_table(prepared, ledger, changes))
    if to_run:
        print_cohorts(to_run)
    for line in prepared.problems():
        print(f"dlhw-plan: {visible(line)}", file=sys.stderr)
    if changes and sweeper.on_change == "refuse":
        raise ConfigError(refusal(prepared.folder, changes))
    return int(bool(prepared.bad))


def cell_table(prepared: Prepared, ledger: Ledger, changes: Mapping[str, Changes]) -> "Table":
    """A table with a row for each cell: number, swept values, state."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("run", justify="right")
    for name in [*prepared.keys.values(), "state"]:
        table.add_column(name)
    for number, run in enumerate(prepared.runs, 1):
        values = {setting.key: setting.text for setting in run.cell.swept}
        row = [visible(value_name(values[key])) if key in values else "" for key in prepared.keys]
        table.add_row(str(number), *row, state(run, ledger, changes))
    return table


def state(run: Run, ledger: Ledger, changes: Mapping[str, Changes]) -> str:
    """What the sweep's folder has of a run, such as `done` or `to run (killed before)`."""
    status = RunFolder(ledger.folder / run.name).ending().get("status")
    if run.name in changes:
        return "done with another definition"
    if ledger.is_done(run.name):
        return "done" if status == "completed" else f"done ({str(status).replace('_', ' ')})"
    begun = status or ("killed" if (ledger.folder / run.name).exists() else None)
    return f"to run ({begun} before)" if begun else "to run"


def print_cohorts(runs: Sequence[Run]) -> None:
    """Print which runs train together, with estimates of memory and time."""
    from dlhw.execution.estimate import Estimator

    configs = [run.config for run in runs]
    cohorts, estimator = group(configs), Estimator()
    seconds: list[float] = []
    print(visible(describe(configs, cohorts)))
    for number, places in enumerate(cohorts, 1):
        if not configs[places[0]].procedure.trains:
            continue
        try:
            estimate = estimator.estimate([configs[place] for place in places])
        except UserError as error:
            print(f"  group {number}: no estimate: {error}")
            continue
        seconds.append(estimate.seconds)
        print(f"  group {number}: {len(places)} × {estimate}")
    if not seconds:
        return
    print(
        f"about {duration(sum(seconds))} of training (estimated from a few real steps; start-up, evaluation "
        "and files are extra; early stopping is ignored)"
    )


def _print(table: "Table") -> None:
    from rich.console import Console

    Console(markup=False, width=None if sys.stdout.isatty() else PIPE_WIDTH, highlight=False).print(table)


if __name__ == "__main__":
    main()
