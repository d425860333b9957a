"""How a sweep ended: counts, each failure with its folder, the table."""

import shlex
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hydra.core.utils import JobReturn, JobStatus

from dlhw.config.experiment import ExperimentConfig
from dlhw.display import visible
from dlhw.errors import UserError
from dlhw.runs.folder import RunFolder
from dlhw.runs.status import is_success
from dlhw.sweep.preparing import Prepared, Run

ORDER = ("completed", "early_stopped", "diverged", "failed", "interrupted", "not run")


class SweepError(UserError):
    """Some runs of a sweep did not end well; the message names each."""


@dataclass(frozen=True)
class Ending:
    """How one cell ended.

    Args:
        status: as in summary.json, or "not run".
        text: one line for the list of what did not end well.
    """

    status: str
    text: str


def endings(prepared: Prepared, returned: Mapping[str, JobReturn]) -> list[Ending]:
    """Of every cell of the command; `returned` are the jobs that ran now."""
    bad = [Ending("failed", f"{bad.label}: {' '.join(str(bad.error).split())}") for bad in prepared.bad]
    return [_ending(run, prepared.folder / run.name, returned.get(run.name)) for run in prepared.runs] + bad


def _ending(run: Run, folder: Path, returned: JobReturn | None) -> Ending:
    summary = RunFolder(folder).ending()
    status = str(summary.get("status", "not run"))
    message = summary.get("message") or ""
    if status == "diverged":
        message = f"diverged at step {summary.get('diverged_at')}"
    elif (
        returned is not None
        and returned.status is JobStatus.FAILED
        and (is_success(status) or status == "not run")
    ):
        error = returned._return_value  # the property of that name raises it
        status, message = "failed", str(error) or repr(error)
    return Ending(status, f"{run.name}: {' '.join((message or status).split())} ({folder})")


def headline(found: Sequence[Ending]) -> str:
    """Such as `4 runs: 3 completed, 1 diverged`."""
    counts = Counter(ending.status for ending in found)
    told = [f"{counts[status]} {status.replace('_', ' ')}" for status in ORDER if counts[status]]
    return f"{len(found)} run{'s' * (len(found) != 1)}: {', '.join(told)}"


def _experiment(prepared: Prepared) -> ExperimentConfig | None:
    return prepared.runs[0].config.experiment if prepared.runs else None


def _evaluate_saved(prepared: Prepared) -> None:
    """Measure the saved parameters of every run anew, if the experiment asks for it."""
    experiment = _experiment(prepared)
    if experiment is None or not experiment.evaluate:
        return
    from dlhw.commands.evaluate import EVALUATION_FILE, evaluate_saved

    for folder in (prepared.folder / run.name for run in prepared.runs):
        is_trained = is_success(RunFolder(folder).ending().get("status"))
        if is_trained and not (folder / EVALUATION_FILE).is_file():
            try:
                evaluate_saved(folder)
            except UserError as error:
                message = visible(f"error: {folder} cannot be evaluated: {error}")
                print(message, file=sys.stderr, flush=True)


def conclude(prepared: Prepared, returned: Mapping[str, JobReturn]) -> None:
    """Print the table and how many runs ended how.

    Raises:
        SweepError: if any did not end well.
    """
    found = endings(prepared, returned)
    has_runs = any((prepared.folder / run.name / ".hydra").is_dir() for run in prepared.runs)
    if has_runs:
        _evaluate_saved(prepared)
        from dlhw.reporting.console import print_sweep_report  # pandas takes a second

        print_sweep_report([prepared.folder], _experiment(prepared))
    unwell = [ending.text for ending in found if not is_success(ending.status)]
    if not unwell:
        print(visible(f"{headline(found)} in {prepared.folder}"), flush=True)
    if has_runs:
        command = f"dlhw-report {shlex.quote(str(prepared.folder))}"
        print(f"tables, figures and a page: {visible(command)}", flush=True)
    if unwell:
        raise SweepError("\n".join([headline(found), *unwell]))
