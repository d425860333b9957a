"""A Hydra sweeper: grids with zips and seeds, each cell composed once, a ledger of the cells that are done.

This file is loaded at every start of any Hydra program, so it does not import torch.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, ListConfig, OmegaConf, flag_override

from dlhw.errors import ConfigError
from dlhw.hydra_support.composer import SUBDIR, Composer
from dlhw.hydra_support.launcher import TRAINS_CONFIG, FusedLauncher
from dlhw.hydra_support.overrides import HydraSyntax, quoted
from dlhw.runs.names import sweep_name
from dlhw.sweep.grid import Extras, GridCell, cells
from dlhw.sweep.prepare import Prepared, prepare, swept_keys
from dlhw.sweep.session import ON_CHANGE, ON_ERROR, Launch, SweepOptions, run_sweep

DIR = "hydra.sweep.dir="


class GridSweeper(Sweeper):
    """Runs the cells of a grid; cells that a folder's ledger lists as done are not run again.

    Args:
        max_batch_size: largest number of jobs that the launcher gets at once; None: all.
        params: swept keys as on the command line, key -> `1,2,3`; the command line's own take precedence.
        zip: groups of key -> values that move together.
        grids: key -> values; the sweep is their union.
        seeds: number of seeds of each cell.
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
        self.trains_config = bool(getattr(task_function, TRAINS_CONFIG, False))
        if self.trains_config:
            self._keep_references(config.hydra.sweeper)
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )
        shared = getattr(self.launcher, "composer", None)
        # Shared with dlhw's own launcher, so that no job is composed twice.
        self.composer = (
            shared if isinstance(shared, Composer) else Composer(hydra_context.config_loader, config)
        )

    def _keep_references(self, config: DictConfig) -> None:
        """Read swept values anew: Hydra has resolved their `${...}` in the base config, not in the cells'."""
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
            SweepError: at the end, if a run did not succeed.
        """
        grid = self.cells(arguments)
        return self._run_sweep(grid) if self.trains_config else self._run_foreign_task(grid)

    def extras(self) -> Extras:
        """Zips, grids and seeds of the config."""
        return Extras.of(*map(_plain, (self.zip, self.grids, self.seeds)))

    def cells(self, arguments: Sequence[str]) -> list[GridCell]:
        """The cells of a command."""
        syntax = HydraSyntax(self.context.config_loader)
        params = [f"{key}={value}" for key, value in self.params.items()]
        parsed = syntax.parse_all([*params, *arguments])
        extras = self.extras()
        if self.trains_config:
            extras = extras.updated([argument for argument in parsed if argument.is_extra])
            parsed = [argument for argument in parsed if not argument.is_extra]
        seed = OmegaConf.select(self.master, "seed") if extras.seeds else 0
        listed = self.params if self.trains_config else ()
        return cells(parsed, extras, int(seed or 0), syntax, listed)

    def prepare(self, grid: Sequence[GridCell]) -> Prepared:
        """Compose and check every cell, and settle the sweep's folder, which every job has in its config.

        Raises:
            ConfigError: if there is nothing to run.
        """
        folder = settle_folder(self.master, list(swept_keys(grid)))
        return prepare(folder, grid, lambda cell: self.composer.checked(cell.overrides))

    def _run_foreign_task(self, grid: Sequence[GridCell]) -> list[Sequence[JobReturn]]:
        """A task other than dlhw's: as Hydra's basic sweeper."""
        self._save(Path(str(self.master.hydra.sweep.dir)))
        returns, number = [], 0
        for batch in _chunks([list(cell.overrides) for cell in grid], self.max_batch_size):
            for overrides in batch:  # an error of one is raised before any of them runs
                self.composer.keep(overrides)
            assert self.launcher is not None
            returned = self.launcher.launch(batch, initial_job_idx=number)
            for job in returned:
                _ = job.return_value  # raises the job's exception
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

    def _run_sweep(self, grid: Sequence[GridCell]) -> list[Sequence[JobReturn]]:
        """dlhw's own task: typed runs, which the ledger of the sweep's folder knows."""
        batches: list[Sequence[JobReturn]] = []

        def launch(launches: Sequence[Launch]) -> list[Exception | None]:
            jobs = self._launch(launches, sum(map(len, batches)))
            batches.append(jobs)
            return [_error(job) for job in jobs]

        options = SweepOptions(
            on_error=self.on_error,
            on_change=self.on_change,
            max_batch_size=self.max_batch_size,
            can_resume=isinstance(self.launcher, FusedLauncher),
        )
        run_sweep(self.prepare(grid), options, launch, self._save)
        return batches

    def _launch(self, launches: Sequence[Launch], first: int) -> Sequence[JobReturn]:
        """Hand typed runs to dlhw's launcher, and their overrides to any other."""
        overrides = [
            [*launch.run.cell.overrides, f"{SUBDIR}{quoted(launch.run.name)}"] for launch in launches
        ]
        assert self.launcher is not None
        if not isinstance(self.launcher, FusedLauncher):
            return self.launcher.launch(overrides, initial_job_idx=first)
        runs = [
            self.composer.run(lines, number, index=launch.index, can_resume=launch.can_resume)
            for number, (launch, lines) in enumerate(zip(launches, overrides, strict=True), first)
        ]
        return self.launcher.launch_runs(runs)


def _error(job: JobReturn) -> Exception | None:
    # the property `return_value` would raise it
    return job._return_value if job.status is JobStatus.FAILED else None


def settle_folder(master: DictConfig, keys: Sequence[str]) -> Path:
    """The sweep's folder; a folder that would be named by the time is named by the swept keys instead.

    Raises:
        ConfigError: if the command names the folders of its runs.
    """
    given = [str(line) for line in master.hydra.overrides.hydra]
    if any(line.startswith(SUBDIR) for line in given):
        raise ConfigError("hydra.sweep.subdir cannot be set: runs are named by their swept values")
    written = OmegaConf.to_container(master.hydra.sweep, resolve=False)
    assert isinstance(written, dict)
    if "${now:" in str(written["dir"]) and not any(line.startswith(DIR) for line in given):
        folder = f"runs/{master.name}/{sweep_name(keys)}"
        with flag_override(master.hydra, ["readonly", "struct"], False):
            master.hydra.sweep.dir = folder
            master.hydra.overrides.hydra.append(f"{DIR}{quoted(folder)}")
    return Path(str(master.hydra.sweep.dir))


def _chunks(listed: list[Any], size: int | None) -> Iterator[list[Any]]:
    step = size or max(1, len(listed))
    yield from (listed[start : start + step] for start in range(0, max(1, len(listed)), step))


def _as_written(node: Any) -> Any:
    """Plain data with `${...}` left in values, except one that names a whole map or list of maps."""
    if isinstance(node, ListConfig):
        return [_as_written(entry) for entry in node]
    return OmegaConf.to_container(node) if isinstance(node, DictConfig) else node


def _plain(node: Any) -> Any:
    return OmegaConf.to_container(node, resolve=True) if OmegaConf.is_config(node) else node
