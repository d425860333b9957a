"""A Hydra launcher that trains the jobs of a sweep as cohorts.

This file is loaded at every start of any Hydra program, so it imports torch only when it trains.
"""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from hydra.core.utils import JobReturn, configure_log, setup_globals
from hydra.errors import HydraException
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from dlhw.config.messages import explain
from dlhw.display import visible
from dlhw.errors import ConfigError, UserError
from dlhw.execution.grouping import describe, group
from dlhw.hydra_support.composer import Composer
from dlhw.hydra_support.job import Job
from dlhw.hydra_support.run_job import run_job

# A task function with this attribute trains a `TrainConfig` and nothing else, so its jobs can be cohorts.
TRAINS_CONFIG = "trains_config"


class FusedLauncher(Launcher):
    """Runs jobs of our own command as cohorts, and any other task one by one.

    Args:
        max_runs: most runs that train together; None: as many as memory allows.
        verify: train so many runs of the sweep again alone, and print the largest difference.
    """

    def __init__(self, max_runs: int | None = None, verify: int = 0) -> None:
        self.max_runs, self.verify = max_runs, verify
        self.composer: Composer | None = None
        # What a sweeper with a ledger knows: the place of each folder's run in the whole sweep, and which of
        # them go on from the checkpoints there, because they are the same runs.
        self.places: Mapping[str, int] = {}
        self.resumable: frozenset[str] = frozenset()

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Called by Hydra before `launch`."""
        if self.max_runs is not None and self.max_runs < 1:
            raise ConfigError(f"hydra.launcher.max_runs must be >= 1 or null, got {self.max_runs}")
        if self.verify < 0:
            raise ConfigError(f"hydra.launcher.verify must be >= 0, got {self.verify}")
        self.context, self.task, self.config = hydra_context, task_function, config
        self.composer = Composer(hydra_context.config_loader, config)

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run a batch of jobs; returns one `JobReturn` each, in their order."""
        setup_globals()
        configure_log(self.config.hydra.hydra_logging, self.config.hydra.verbose)
        Path(str(self.config.hydra.sweep.dir)).mkdir(parents=True, exist_ok=True)
        numbered = list(enumerate(map(list, job_overrides), start=initial_job_idx))
        if not getattr(self.task, TRAINS_CONFIG, False):
            return [self._run_alone(number, overrides) for number, overrides in numbered]
        jobs = [self._job(number, overrides) for number, overrides in numbered]
        self._tell_errors(jobs)
        self._train([job for job in jobs if job.error is None])
        configure_log(self.config.hydra.hydra_logging, self.config.hydra.verbose)
        return [job.returned if job.error is None else self._failed(job) for job in jobs]

    def _run_alone(self, number: int, overrides: list[str]) -> JobReturn:
        """A task that is not ours: what Hydra's basic launcher does."""
        assert self.composer is not None
        returned = run_job(
            hydra_context=self.context,
            task_function=self.task,
            config=self.composer.compose(overrides, number),
        )
        configure_log(self.config.hydra.hydra_logging, self.config.hydra.verbose)
        return returned

    def _job(self, number: int, overrides: list[str]) -> Job:
        """Compose and check one job; what is wrong with it is its own."""
        assert self.composer is not None
        job = Job(number, overrides, self.config)
        try:
            config = self.composer.checked(overrides)
            job.composed = self.composer.compose(overrides, number)
            job.config = config
            job.place = self.places.get(job.planned_folder().name, number) if self.places else number
        except UserError as error:
            job.error = error
        except (HydraException, OmegaConfBaseException) as error:
            job.error = ConfigError(explain(error))
        return job

    def _tell_errors(self, jobs: Sequence[Job]) -> None:
        """Say what is wrong with any config before anything trains; stop if nothing is left to train."""
        bad = [job for job in jobs if job.error is not None]
        if bad and len(bad) == len(jobs):
            sentences = dict.fromkeys(str(job.error) for job in bad)
            raise ConfigError("\n".join(sentences))
        for job in bad:
            for line in str(job.error).splitlines():
                print(visible(f"run {job.number} ({' '.join(job.overrides)}): {line}"), file=sys.stderr)

    def _train(self, jobs: list[Job]) -> None:
        from dlhw.execution.cohorts import CohortTrainer

        configs = [job.config for job in jobs if job.config is not None]
        cohorts = group(configs)
        print(visible(describe(configs, cohorts)), flush=True)
        trainer = CohortTrainer(
            self.context, max_runs=self.max_runs, verify=self.verify, resumable=self.resumable
        )
        for cohort in cohorts:
            if configs[cohort[0]].procedure.trains:
                trainer.train([jobs[place] for place in cohort])
            else:
                from dlhw.execution.alone import run_alone  # linear programs need scipy, which takes a second

                run_alone(jobs[cohort[0]], self.context)
        trainer.report_verified()

    def _failed(self, job: Job) -> JobReturn:
        if job.folder is None:  # its config never began
            job.end(job.error, self.context.callbacks)
        return job.returned
