"""A Hydra sweeper: grids with zips and seeds, each cell composed once, a ledger of what is done.

This file is loaded at every start of any Hydra program, so it does not import torch.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, ListConfig, OmegaConf

from dlhw.content import ABSENT, data_identity
from dlhw.display import visible
from dlhw.errors import ConfigError
from dlhw.execution.grouping import group
from dlhw.hydra_support.composer import Composer
from dlhw.hydra_support.launcher import TRAINS_CONFIG, FusedLauncher
from dlhw.locks import sweep_held
from dlhw.runs.files import refuse_link, refuse_links
from dlhw.sweep.ending import conclude
from dlhw.sweep.grid import Cell, Extras, cells, is_extra
from dlhw.sweep.identity import DATA_KEY
from dlhw.sweep.ledger import Changes, Ledger, not_recomputed, refusal
from dlhw.sweep.preparing import Prepared, Run, prepare, sweep_line

ON_ERROR = ("continue", "stop")
ON_CHANGE = ("refuse", "recompute", "keep")


class GridSweeper(Sweeper):
    """Runs the cells of a grid; what a folder's ledger says is done is not run again.

    Args:
        max_batch_size: most jobs that the launcher gets at once; None: all.
        params: swept keys as on the command line, key -> `1,2,3`; what the command line says goes before.
        zip: groups of key -> values that move together.
        grids: key -> values; the sweep is their union.
        seeds: how many seeds each cell gets.
        on_error: continue: run every cell that can be run; stop: run nothing if a config is wrong, and no
            further cohort once a run has failed.
        on_change: what to do with done cells whose definition has changed.
    """

    def __init__(
        self,
        max_batch_size: int | None = None,
        params: Mapping[str, str] | None = None,
        zip: Any = None,
        grids: Any = None,
        seeds: int | None = None,
        on_error: str = "continue",
        on_change: str = "refuse",
    ) -> None:
        self.max_batch_size, self.params = max_batch_size, dict(params or {})
        self.zip, self.grids, self.seeds = zip, grids, seeds
        self.on_error, self.on_change = on_error, on_change

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Called by Hydra before `sweep`."""
        self._check()
        self.context, self.master = hydra_context, config
        self.is_ours = bool(getattr(task_function, TRAINS_CONFIG, False))
        if self.is_ours:
            self._take_as_written(config.hydra.sweeper)
        self.jobs = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )
        own = getattr(self.jobs, "composer", None)
        # Shared with the launcher where that is ours, so that no job is composed twice.
        self.composer = own if isinstance(own, Composer) else Composer(hydra_context.config_loader, config)

    def _take_as_written(self, config: DictConfig) -> None:
        """Hydra has resolved every `${...}` in the base config; those in swept values belong to the cells."""
        self.params = dict(_as_written(config.params) or {})
        self.zip, self.grids = _as_written(config.zip), _as_written(config.grids)

    def _check(self) -> None:
        for key, value, allowed in (
            ("on_error", self.on_error, ON_ERROR),
            ("on_change", self.on_change, ON_CHANGE),
        ):
            if value not in allowed:
                raise ConfigError(f"hydra.sweeper.{key} must be {' or '.join(allowed)}, got {value}")
        if self.max_batch_size is not None and self.max_batch_size < 1:
            raise ConfigError(f"hydra.sweeper.max_batch_size must be >= 1, got {self.max_batch_size}")

    def sweep(self, arguments: list[str]) -> list[Sequence[JobReturn]]:
        """Run a sweep.

        Returns:
            A list of batches of `JobReturn`, of the jobs that ran now.

        Raises:
            ConfigError: if nothing can be run.
            SweepError: at the end, if a run did not end well.
        """
        found = self.cells(arguments)
        return self._sweep_ours(found) if self.is_ours else self._sweep_plainly(found)

    def extras(self) -> Extras:
        """Zips, grids and seeds of the config."""
        return Extras.of(*map(_plain, (self.zip, self.grids, self.seeds)))

    def cells(self, arguments: Sequence[str]) -> list[Cell]:
        """What a command means."""
        parser = OverridesParser.create(config_loader=self.context.config_loader)
        params = [f"{key}={value}" for key, value in self.params.items()]
        overrides = parser.parse_overrides([*params, *arguments])
        extras = self.extras()
        if self.is_ours:
            extras = extras.updated([each for each in overrides if is_extra(each)])
            overrides = [each for each in overrides if not is_extra(each)]
        seed = OmegaConf.select(self.master, "seed") if extras.seeds else 0
        listed = self.params if self.is_ours else ()
        return cells(overrides, extras, int(seed or 0), parser.parse_override, listed)

    def _sweep_plainly(self, found: Sequence[Cell]) -> list[Sequence[JobReturn]]:
        """A task that is not ours: what Hydra's basic sweeper does."""
        self._save(Path(str(self.master.hydra.sweep.dir)))
        returns, number = [], 0
        for batch in _chunks([list(cell.overrides) for cell in found], self.max_batch_size):
            for overrides in batch:  # an error of one is told before any of them runs
                self.composer.keep(overrides)
            returned = self.jobs.launch(batch, initial_job_idx=number)
            for each in returned:
                _ = each.return_value  # raises what the job raised
            returns.append(returned)
            number += len(batch)
        return returns

    def _save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        tree = OmegaConf.to_container(self.master, enum_to_str=True)
        assert isinstance(tree, dict)
        if (
            experiment := self.master.get("experiment")
        ) is not None:  # read by reports, in another environment
            tree["experiment"] = OmegaConf.to_container(experiment, resolve=True, enum_to_str=True)
        OmegaConf.save(OmegaConf.create(tree), folder / "multirun.yaml")

    def _sweep_ours(self, found: Sequence[Cell]) -> list[Sequence[JobReturn]]:
        prepared = prepare(self.master, self.composer, found)
        self._tell_bad(prepared)
        with sweep_held(prepared.folder):
            ledger = Ledger.read(prepared.folder)
            to_run = self._to_run(ledger, prepared)
            print(sweep_line(prepared, len(prepared.runs) - len(to_run)), flush=True)
            for run in self._to_clear(ledger, to_run):
                ledger.clear(run.name)
            ledger.cells |= {run.name: run.definition for run in to_run}
            ledger.write()
            self._save(prepared.folder)
            returns, returned = self._launch(to_run)
            is_same = _note_data(ledger, to_run)
        conclude(prepared, returned)
        if not is_same:
            raise ConfigError(
                f"the data files changed while the sweep in {prepared.folder} ran, so its cells may hold "
                "different data: the same command again compares the samples of its cells"
            )
        return returns

    def _tell_bad(self, prepared: Prepared) -> None:
        """Say what is wrong with any config before anything trains."""
        problems = list(prepared.problems())
        if problems and (self.on_error == "stop" or not prepared.runs):
            raise ConfigError("\n".join(problems))
        for line in problems:
            print(f"error: {visible(line)}", file=sys.stderr, flush=True)

    def _to_run(self, ledger: Ledger, prepared: Prepared) -> list[Run]:
        """Runs that are not done, or done as something else.

        Raises:
            ConfigError: if done cells have changed and nobody said what to do about it.
        """
        changes = ledger.changes(prepared.definitions(), list(prepared.keys))
        missing = [run for run in prepared.runs if not ledger.is_done(run.name)]
        if missing and self.on_change != "keep":
            changes = changes or _changed_samples(ledger, missing)
        if changes and self.on_change == "refuse":
            raise ConfigError(refusal(prepared.folder, changes))
        if self.on_change != "recompute":
            return missing
        not_named = changes.keys() - prepared.definitions().keys()
        if not_named:
            raise ConfigError(not_recomputed(prepared.folder, {name: changes[name] for name in not_named}))
        return [run for run in prepared.runs if run.name in changes or run in missing]

    def _to_clear(self, ledger: Ledger, runs: Sequence[Run]) -> list[Run]:
        """Runs that start from the beginning. The others are resumed, if the launcher can do that.

        Raises:
            RunFolderError: if a cell's folder, or a file in one that is resumed, is a link to elsewhere.
        """
        for run in runs:
            refuse_link(ledger.folder / run.name)
        if not isinstance(self.jobs, FusedLauncher):
            return list(runs)
        cut_off = {run.name for run in runs if ledger.goes_on(run.name, run.definition)}
        for name in sorted(cut_off):
            refuse_links(ledger.folder / name)
        self.jobs.resumable = frozenset(cut_off)
        self.jobs.places = {
            name: place
            for place, name in enumerate({**ledger.cells, **dict.fromkeys(run.name for run in runs)})
        }
        return [run for run in runs if run.name not in cut_off]

    def _launch(self, runs: Sequence[Run]) -> tuple[list[Sequence[JobReturn]], dict[str, JobReturn]]:
        returns: list[Sequence[JobReturn]] = []
        returned: dict[str, JobReturn] = {}
        for batch in self._batches(runs):
            jobs = self.jobs.launch([run.overrides for run in batch], initial_job_idx=len(returned))
            returns.append(jobs)
            returned |= {run.name: job for run, job in zip(batch, jobs, strict=True)}
            if self.on_error == "stop" and any(job.status is JobStatus.FAILED for job in jobs):
                break
        return returns, returned

    def _batches(self, runs: Sequence[Run]) -> Iterator[list[Run]]:
        """With on_error=stop one cohort after the other, so that there is something to stop."""
        cohorts: list[list[Run]] = [list(runs)] if runs else []
        if self.on_error == "stop":
            cohorts = [[runs[place] for place in places] for places in group([run.config for run in runs])]
        for cohort in cohorts:
            yield from _chunks(cohort, self.max_batch_size)


def _changed_samples(ledger: Ledger, runs: Sequence[Run]) -> dict[str, Changes]:
    if not ledger.cells:
        return {}
    from dlhw.sweep.samples import changed_samples  # torch takes a second; a new sweep loads it later

    return changed_samples(ledger, runs)


def _note_data(ledger: Ledger, runs: Sequence[Run]) -> bool:
    """Enter data that was fetched into the ledger; returns whether all other files are what they were.

    Cells whose files have changed meanwhile hold old or new data, as their `split_hashes` say: the ledger
    knows no content for them, so that the next command compares these.
    """
    now = {run.name: data_identity(run.config.data.files()) for run in runs}
    changed = {run.name for run in runs if run.definition[DATA_KEY] not in (ABSENT, now[run.name])}
    for run in runs:
        data = ABSENT if run.name in changed else now[run.name]
        ledger.cells[run.name] = run.definition | {DATA_KEY: data}
    if any(ledger.cells[run.name] != run.definition for run in runs):
        ledger.write()
    return not changed


def _chunks(listed: list[Any], size: int | None) -> Iterator[list[Any]]:
    step = size or max(1, len(listed))
    yield from (listed[start : start + step] for start in range(0, max(1, len(listed)), step))


def _as_written(node: Any) -> Any:
    """Plain data with `${...}` left in values; one that names a whole map or list of maps is resolved."""
    if isinstance(node, ListConfig):
        return [_as_written(entry) for entry in node]
    return OmegaConf.to_container(node) if isinstance(node, DictConfig) else node


def _plain(node: Any) -> Any:
    return OmegaConf.to_container(node, resolve=True) if OmegaConf.is_config(node) else node
