"""The end of a sweep: counts, each failure with its folder, the table."""

import shlex
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dlhw.config.experiment import ExperimentConfig
from dlhw.display import visible
from dlhw.errors import UserError
from dlhw.runs.folder import EVALUATION_FILE, RunFolder
from dlhw.status import is_success
from dlhw.sweep.prepare import Prepared, Run

ORDER = ("completed", "early_stopped", "diverged", "failed", "interrupted", "not run")


class SweepError(UserError):
    """Some runs of a sweep did not succeed; the message names each."""


@dataclass(frozen=True)
class CellEnding:
    """How one cell ended.

    Args:
        status: as in summary.json, or "not run".
        text: one line for the list of failures.
    """

    status: str
    text: str


def endings(prepared: Prepared, errors: Mapping[str, Exception | None]) -> list[CellEnding]:
    """How every cell of the command ended; `errors` has the runs that ran now."""
    bad = [CellEnding("failed", f"{bad.label}: {' '.join(str(bad.error).split())}") for bad in prepared.bad]
    return [_ending(run, prepared.folder / run.name, errors.get(run.name)) for run in prepared.runs] + bad


def _ending(run: Run, folder: Path, error: Exception | None) -> CellEnding:
    summary = RunFolder(folder).ending()
    status = str(summary.get("status", "not run"))
    message = summary.get("message") or ""
    if status == "diverged":
        message = f"diverged at step {summary.get('diverged_at')}"
    elif error is not None and (is_success(status) or status == "not run"):
        status, message = "failed", str(error) or repr(error)
    return CellEnding(status, f"{run.name}: {' '.join((message or status).split())} ({folder})")


def headline(endings: Sequence[CellEnding]) -> str:
    """Such as `4 runs: 3 completed, 1 diverged`."""
    counts = Counter(ending.status for ending in endings)
    texts = [f"{counts[status]} {status.replace('_', ' ')}" for status in ORDER if counts[status]]
    return f"{len(endings)} run{'s' * (len(endings) != 1)}: {', '.join(texts)}"


def _experiment(prepared: Prepared) -> ExperimentConfig | None:
    return prepared.runs[0].config.experiment if prepared.runs else None


def _evaluate_saved(prepared: Prepared) -> None:
    """Evaluate the saved parameters of every run again, if the experiment asks for it."""
    experiment = _experiment(prepared)
    if experiment is None or not experiment.evaluate:
        return
    from dlhw.execution.evaluation import evaluate_saved

    for folder in (prepared.folder / run.name for run in prepared.runs):
        is_trained = is_success(RunFolder(folder).ending().get("status"))
        if is_trained and not (folder / EVALUATION_FILE).is_file():
            try:
                evaluate_saved(folder)
            except UserError as error:
                message = visible(f"error: {folder} cannot be evaluated: {error}")
                print(message, file=sys.stderr, flush=True)


def conclude(prepared: Prepared, errors: Mapping[str, Exception | None]) -> None:
    """Print the table and the number of runs that ended in each way.

    Raises:
        SweepError: if any run did not succeed.
    """
    ended = endings(prepared, errors)
    has_runs = any((prepared.folder / run.name / ".hydra").is_dir() for run in prepared.runs)
    if has_runs:
        _evaluate_saved(prepared)
        from dlhw.reporting.console import print_sweep_report  # pandas takes a second

        print_sweep_report([prepared.folder], _experiment(prepared))
    failures = [ending.text for ending in ended if not is_success(ending.status)]
    if not failures:
        print(visible(f"{headline(ended)} in {prepared.folder}"), flush=True)
    if has_runs:
        command = f"dlhw-report {shlex.quote(str(prepared.folder))}"
        print(f"tables, figures and a page: {visible(command)}", flush=True)
    if failures:
        raise SweepError("\n".join([headline(ended), *failures]))
