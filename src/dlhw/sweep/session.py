"""Run a sweep: what its ledger lists as done is not run again, what was cut off is resumed."""

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from dlhw.content import ABSENT, data_identity
from dlhw.display import visible
from dlhw.errors import ConfigError
from dlhw.execution.grouping import group
from dlhw.files import refuse_link, refuse_links
from dlhw.locks import sweep_held
from dlhw.runs.ledger import DATA_KEY, Changes, Ledger, not_recomputed, refusal
from dlhw.sweep.ending import conclude
from dlhw.sweep.prepare import Prepared, Run, sweep_line

ON_ERROR = ("continue", "stop")
ON_CHANGE = ("refuse", "recompute", "keep")


@dataclass(frozen=True, kw_only=True)
class SweepOptions:
    """How a sweep is run.

    Args:
        on_error: continue: run every cell that can be run; stop: run nothing if a config is wrong, and no
            further cohort once a run has failed.
        on_change: what to do with done cells whose definition has changed.
        max_batch_size: largest number of runs that are launched at once; None: all.
        can_resume: whether runs are resumed from their checkpoints; otherwise they start again.
    """

    on_error: str = "continue"
    on_change: str = "refuse"
    max_batch_size: int | None = None
    can_resume: bool = True


@dataclass(frozen=True, kw_only=True)
class Launch:
    """A run that is launched now.

    Args:
        run: with its config.
        number: among the runs that this command launches.
        index: in the whole sweep.
        can_resume: whether it resumes from a checkpoint in its folder.
    """

    run: Run
    number: int
    index: int
    can_resume: bool


# Runs what is launched; returns the error of each run, None for a success.
Launcher = Callable[[Sequence[Launch]], Sequence[Exception | None]]


def run_sweep(
    prepared: Prepared, options: SweepOptions, launcher: Launcher, save_config: Callable[[Path], None]
) -> None:
    """Run the cells of a sweep that are not done.

    Args:
        prepared: the cells with their configs.
        options: of the sweep.
        launcher: runs a batch of runs.
        save_config: saves the sweep's config in its folder.

    Raises:
        ConfigError: if nothing can be run.
        SweepError: at the end, if a run did not succeed.
    """
    _report_bad(prepared, options)
    with sweep_held(prepared.folder):
        ledger = Ledger.read(prepared.folder)
        runs = _runs_to_launch(ledger, prepared, options)
        print(sweep_line(prepared, len(prepared.runs) - len(runs)), flush=True)
        resumed = _resumable(ledger, runs) if options.can_resume else set()
        for run in runs:
            refuse_link(ledger.folder / run.name)
            if run.name not in resumed:
                ledger.clear(run.name)
        ledger.cells |= {run.name: run.definition for run in runs}
        ledger.write()
        save_config(prepared.folder)
        indices = {name: index for index, name in enumerate(ledger.cells)}
        launches = [
            Launch(run=run, number=number, index=indices[run.name], can_resume=run.name in resumed)
            for number, run in enumerate(runs)
        ]
        errors = _launch(launches, options, launcher)
        is_same = _note_data(ledger, runs)
    conclude(prepared, errors)
    if not is_same:
        raise ConfigError(
            f"the data files changed while the sweep in {prepared.folder} ran, so its cells may hold "
            "different data: the same command again compares the samples of its cells"
        )


def _report_bad(prepared: Prepared, options: SweepOptions) -> None:
    """Report the errors of all configs before anything trains."""
    problems = list(prepared.problems())
    if problems and (options.on_error == "stop" or not prepared.runs):
        raise ConfigError("\n".join(problems))
    for line in problems:
        print(f"error: {visible(line)}", file=sys.stderr, flush=True)


def _runs_to_launch(ledger: Ledger, prepared: Prepared, options: SweepOptions) -> list[Run]:
    """Runs that are not done, or done with another definition.

    Raises:
        ConfigError: if done cells have changed and `on_change` is refuse.
    """
    changes = ledger.changes(prepared.definitions(), list(prepared.keys))
    missing = [run for run in prepared.runs if not ledger.is_done(run.name)]
    if missing and options.on_change != "keep":
        changes = changes or _changed_samples(ledger, missing)
    if changes and options.on_change == "refuse":
        raise ConfigError(refusal(prepared.folder, changes))
    if options.on_change != "recompute":
        return missing
    not_named = changes.keys() - prepared.definitions().keys()
    if not_named:
        raise ConfigError(not_recomputed(prepared.folder, {name: changes[name] for name in not_named}))
    return [run for run in prepared.runs if run.name in changes or run in missing]


def _changed_samples(ledger: Ledger, runs: Sequence[Run]) -> dict[str, Changes]:
    if not ledger.cells:
        return {}
    from dlhw.sweep.samples import changed_samples  # torch takes a second; a new sweep loads it later

    return changed_samples(ledger, runs)


def _resumable(ledger: Ledger, runs: Sequence[Run]) -> set[str]:
    """Names of the runs that resume from a checkpoint.

    Raises:
        RunFolderError: if a run's folder, or a file in one that is resumed, is a link to elsewhere.
    """
    for run in runs:
        refuse_link(ledger.folder / run.name)
    resumable = {run.name for run in runs if ledger.can_resume(run.name, run.definition)}
    for name in sorted(resumable):
        refuse_links(ledger.folder / name)
    return resumable


def _launch(launches: list[Launch], options: SweepOptions, launcher: Launcher) -> dict[str, Exception | None]:
    """Run name -> its error; the runs that were launched."""
    errors: dict[str, Exception | None] = {}
    for batch in _batches(launches, options):
        returned = launcher(batch)
        errors |= {launch.run.name: error for launch, error in zip(batch, returned, strict=True)}
        if options.on_error == "stop" and any(error is not None for error in returned):
            break
    return errors


def _batches(launches: list[Launch], options: SweepOptions) -> Iterator[list[Launch]]:
    """With on_error=stop one cohort after the other, so that a failure can stop the next ones."""
    cohorts = [launches] if launches else []
    if options.on_error == "stop":
        cohorts = [
            [launches[place] for place in places]
            for places in group([launch.run.config for launch in launches])
        ]
    for cohort in cohorts:
        size = options.max_batch_size or len(cohort)
        yield from (cohort[start : start + size] for start in range(0, len(cohort), size))


def _note_data(ledger: Ledger, runs: Sequence[Run]) -> bool:
    """Enter downloaded data into the ledger; returns whether all other files are unchanged.

    Cells whose files have changed meanwhile hold old or new data, as their `split_hashes` say: the ledger
    records no content for them, so that the next command compares these.
    """
    now = {run.name: data_identity(run.config.data.files()) for run in runs}
    changed = {run.name for run in runs if run.definition[DATA_KEY] not in (ABSENT, now[run.name])}
    for run in runs:
        data = ABSENT if run.name in changed else now[run.name]
        ledger.cells[run.name] = run.definition | {DATA_KEY: data}
    if any(ledger.cells[run.name] != run.definition for run in runs):
        ledger.write()
    return not changed
