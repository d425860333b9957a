"""A Hydra launcher that trains the jobs of a sweep as cohorts.

This file is loaded at every start of any Hydra program, so it imports torch only when it trains.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from hydra.core.utils import JobReturn, configure_log, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from dlhw.display import visible
from dlhw.errors import ConfigError, UserError
from dlhw.hydra_support.composer import ComposedRun, Composer

# A task function with this attribute trains a `TrainConfig` and nothing else, so its jobs can be cohorts.
TRAINS_CONFIG = "trains_config"


class FusedLauncher(Launcher):
    """Runs jobs of `dlhw-train` as cohorts, and any other task one by one.

    Args:
        max_runs: largest number of runs that train together; None: as many as memory allows.
        verify: number of runs of the sweep that are trained again alone, to print the largest difference.
    """

    def __init__(self, max_runs: int | None = None, verify: int = 0) -> None:
        self.max_runs, self.verify = max_runs, verify
        self.composer: Composer | None = None

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Called by Hydra before `launch`."""
        if self.max_runs is not None and self.max_runs < 1:
            raise ConfigError(f"hydra.launcher.max_runs must be >= 1 or null, got {self.max_runs}")
        if self.verify < 0:
            raise ConfigError(f"hydra.launcher.verify must be >= 0, got {self.verify}")
        self.context, self.task, self.config = hydra_context, task_function, config
        self.composer = Composer(hydra_context.config_loader, config)

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run a batch of jobs given as overrides; returns one `JobReturn` each, in their order.

        So do other sweepers, and tasks other than `dlhw-train`; dlhw's own sweeper calls `launch_runs`.
        """
        numbered = list(enumerate(map(list, job_overrides), start=initial_job_idx))
        if not getattr(self.task, TRAINS_CONFIG, False):
            self._set_up()
            return [self._run_alone(number, overrides) for number, overrides in numbered]
        outcomes: list[ComposedRun | UserError] = [self._compose(*job) for job in numbered]
        errors = {
            number: error
            for (number, _), error in zip(numbered, outcomes, strict=True)
            if isinstance(error, UserError)
        }
        self._report_errors(errors, dict(numbered))
        trained = iter(self.launch_runs([run for run in outcomes if isinstance(run, ComposedRun)]))
        return [
            self._failed(errors[number], overrides) if number in errors else next(trained)
            for number, overrides in numbered
        ]

    def launch_runs(self, runs: Sequence[ComposedRun]) -> Sequence[JobReturn]:
        """Train runs that are composed and checked; returns one `JobReturn` each, in their order."""
        self._set_up()
        from dlhw.execution.cohorts import train_jobs
        from dlhw.hydra_support.job import HydraJob

        jobs = [HydraJob.of(run, self.context) for run in runs]
        train_jobs(jobs, max_runs=self.max_runs, verify=self.verify)
        configure_log(self.config.hydra.hydra_logging, self.config.hydra.verbose)
        return [job.returned for job in jobs]

    def _set_up(self) -> None:
        setup_globals()
        configure_log(self.config.hydra.hydra_logging, self.config.hydra.verbose)
        Path(str(self.config.hydra.sweep.dir)).mkdir(parents=True, exist_ok=True)

    def _run_alone(self, number: int, overrides: list[str]) -> JobReturn:
        """A task other than `dlhw-train`: as Hydra's basic launcher."""
        from dlhw.hydra_support.job import run_job

        assert self.composer is not None
        returned = run_job(
            hydra_context=self.context,
            task_function=self.task,
            config=self.composer.compose(overrides, number),
        )
        configure_log(self.config.hydra.hydra_logging, self.config.hydra.verbose)
        return returned

    def _compose(self, number: int, overrides: list[str]) -> ComposedRun | UserError:
        assert self.composer is not None
        try:
            return self.composer.run(overrides, number)
        except UserError as error:
            return error

    def _report_errors(self, errors: dict[int, UserError], overrides: dict[int, list[str]]) -> None:
        """Report every wrong config before anything trains.

        Raises:
            ConfigError: if nothing is left to train.
        """
        if errors and len(errors) == len(overrides):
            raise ConfigError("\n".join(dict.fromkeys(map(str, errors.values()))))
        for number, error in errors.items():
            for line in str(error).splitlines():
                print(visible(f"run {number} ({' '.join(overrides[number])}): {line}"), file=sys.stderr)

    def _failed(self, error: UserError, overrides: list[str]) -> JobReturn:
        from dlhw.hydra_support.job import failed_job

        return failed_job(error, overrides, self.config, self.context)
