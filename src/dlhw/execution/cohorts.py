"""Train the runs of a sweep as cohorts that fit into memory; each run has files and an end of its own."""

import gc
import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from random import Random

import torch

from dlhw.callbacks.checkpoints import load_resume_states
from dlhw.callbacks.registry import RunSetup, build_callbacks
from dlhw.callbacks.summary import write_failure
from dlhw.config.root import TrainConfig
from dlhw.data.cache import DatasetCache
from dlhw.data.dataset import Dataset
from dlhw.display import visible
from dlhw.errors import RunFolderError, UserError
from dlhw.execution.grouping import describe, group, starts
from dlhw.execution.job import Job
from dlhw.execution.memory import SHARE, cohort_bytes, free_bytes, is_out_of_memory, run_bytes
from dlhw.execution.verify import Verifier
from dlhw.files import remove_temporary_files
from dlhw.locks import FolderLostError
from dlhw.models.build import build_model
from dlhw.nn.parameters import ParameterLayout
from dlhw.status import Status
from dlhw.training.callbacks import Callback
from dlhw.training.device import DTYPES, resolve_device
from dlhw.training.events import RunResult
from dlhw.training.fit import divergence_error, fit, num_outputs, objective
from dlhw.training.state import ResumeState

# Data sets of a sweep that stay in memory: enough for one source with a few seeds of its split.
KEPT_DATASETS = 8


def train_jobs(jobs: Sequence[Job], *, max_runs: int | None = None, verify: int = 0) -> None:
    """Train runs, those together that can share a cohort; each run is ended, also when something fails.

    Args:
        jobs: one for each run.
        max_runs: largest number of runs that train together; None: as many as memory allows.
        verify: number of runs that are trained again alone, to print the largest difference.
    """
    configs = [job.config for job in jobs]
    cohorts = group(configs)
    print(visible(describe(configs, cohorts)), flush=True)
    trainer = CohortTrainer(max_runs=max_runs, verify=verify)
    for cohort in cohorts:
        if configs[cohort[0]].procedure.trains:
            trainer.train([jobs[index] for index in cohort])
        else:
            _compute(jobs[cohort[0]])
    trainer.report_verified()


def _compute(job: Job) -> None:
    """Run the procedure of a job that does not train; an error is stored on the job, not raised."""
    from dlhw.execution.run_procedure import (
        run_procedure,  # linear programs need scipy, which takes a second
    )

    job.begin()
    job.log(f"{job.config.procedure.name} into {job.folder}")
    try:
        result = run_procedure(job.config, job.folder)
    except FolderLostError:  # concerns the whole sweep
        raise
    except Exception as error:
        job.log(str(error) or repr(error), logging.ERROR)
        with suppress(OSError):  # the run's folder is gone; the other runs continue
            write_failure(job.folder, str(error) or repr(error))
        job.report_end(error)
        return
    job.log(f"{result.status} after {result.seconds:.2f} s")
    job.report_end(objective(result))


class CohortTrainer:
    """Trains the cohorts of one sweep.

    Args:
        max_runs: largest number of runs that train together; None: as many as memory allows.
        verify: number of runs of the sweep that are trained again alone.
    """

    def __init__(self, *, max_runs: int | None, verify: int) -> None:
        self.max_runs = max_runs
        self._datasets = DatasetCache(KEPT_DATASETS)
        self.verifier = Verifier(verify, Random(0))

    def train(self, jobs: Sequence[Job]) -> None:
        """Train jobs that can share a cohort; each is ended, also when something fails."""
        jobs, datasets = self._with_datasets(jobs)
        if not jobs:
            return
        configs = [job.config for job in jobs]
        try:
            limit = self.max_runs or self._limit(configs, datasets)
        except UserError as error:
            self._fail(jobs, error)
            return
        if limit < len(jobs):
            print(f"at most {limit} of {len(jobs)} runs train at a time", flush=True)
        for start in starts([_checkpoints(job) for job in jobs]):
            for places in chunks(range(len(start.places)), limit):
                saved = None if start.saved is None else [start.saved[place] for place in places]
                chosen = [start.places[place] for place in places]
                self._train_piece(
                    [jobs[index] for index in chosen], [datasets[index] for index in chosen], saved
                )

    def _with_datasets(self, jobs: Sequence[Job]) -> tuple[list[Job], list[Dataset]]:
        """The jobs whose data can be loaded, and the data; the others fail, each with its own error."""
        loaded: list[Job] = []
        datasets: list[Dataset] = []
        for job in jobs:
            try:
                datasets.append(self._dataset(job.config))
                loaded.append(job)
            except UserError as error:
                self._fail([job], error)
        return loaded, datasets

    def report_verified(self) -> None:
        """Print how far runs in cohorts are from the same runs alone."""
        self.verifier.report()

    def _dataset(self, config: TrainConfig) -> Dataset:
        """Load a data set once for all runs that use it."""
        return self._datasets.get(config, DTYPES[config.trainer.dtype])

    def _limit(self, configs: Sequence[TrainConfig], datasets: Sequence[Dataset]) -> int:
        """How many runs fit into the memory that is free."""
        config, dataset = configs[0], datasets[0]
        device = resolve_device(config.trainer.device)
        model = build_model([config.model], dataset.input_shape, num_outputs(config, dataset))
        inputs = dataset.splits["train"].inputs
        own_data = any(other.splits["train"].inputs is not inputs for other in datasets)
        each_run = run_bytes(
            config, ParameterLayout(model.specs()), model.total_activation_size, dataset, own_data
        )
        size = DTYPES[config.trainer.dtype].itemsize
        room = SHARE * free_bytes(device) - cohort_bytes(size)
        return max(1, int(room // each_run))

    def _train_piece(
        self, jobs: Sequence[Job], datasets: Sequence[Dataset], saved: Sequence[ResumeState] | None
    ) -> None:
        """Train a cohort; if memory runs out, each half of it."""
        begun = [place for place, job in enumerate(jobs) if self._has_begun(job, len(jobs))]
        if len(begun) < len(jobs):
            jobs, datasets = [jobs[place] for place in begun], [datasets[place] for place in begun]
            saved = None if saved is None else [saved[place] for place in begun]
        if not jobs:
            return
        if saved:
            _report_resuming(jobs, saved)
        try:
            results = self._fit(jobs, datasets, saved)
        except FolderLostError:  # concerns the whole sweep
            raise
        except Exception as error:
            if not is_out_of_memory(error) or len(jobs) == 1:
                self._fail(jobs, error)
                return
        except KeyboardInterrupt as interrupt:
            for job in jobs:
                job.log(str(interrupt) or "interrupted", logging.WARNING)
            raise
        else:
            for job, result in zip(jobs, results, strict=True):
                self._end(job, result)
            return
        self._halve(jobs, datasets, saved)

    def _has_begun(self, job: Job, num_runs: int) -> bool:
        """Make a job's folder unless it is there; a folder that cannot be made fails its own job only."""
        if not job.has_begun:
            try:
                job.begin()
            except OSError as error:
                self._fail([job], error)
                return False
            job.log(f"training in a cohort of {num_runs} into {job.folder}")
        return True

    def _halve(
        self, jobs: Sequence[Job], datasets: Sequence[Dataset], saved: Sequence[ResumeState] | None
    ) -> None:
        half = (len(jobs) + 1) // 2
        print(f"out of memory with {len(jobs)} runs at a time: trying {half} at a time", flush=True)
        gc.collect()  # a failed trainer and its callbacks refer to each other: nothing else frees its tensors
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        if saved is None:
            for job in jobs:
                job.clear()
        for part in (slice(0, half), slice(half, None)):
            self._train_piece(jobs[part], datasets[part], None if saved is None else saved[part])

    def _fit(
        self, jobs: Sequence[Job], datasets: Sequence[Dataset], saved: Sequence[ResumeState] | None
    ) -> list[RunResult]:
        configs = [job.config for job in jobs]
        recorders = self.verifier.choose(len(jobs))

        def make_callbacks(run: int, config: TrainConfig) -> list[Callback]:
            folder = jobs[run].folder
            own = build_callbacks(RunSetup(config, folder, is_shown=run == 0, num_runs=len(jobs)))
            return [*own, recorders[run]] if run in recorders else own

        shared = datasets[:1] if all(dataset is datasets[0] for dataset in datasets) else datasets
        results = fit(configs, shared, make_callbacks, saved, [job.index for job in jobs])
        for run, of_cohort in recorders.items():
            self.verifier.compare(jobs[run].number, configs[run], datasets[run], of_cohort)
        return results

    def _end(self, job: Job, result: RunResult) -> None:
        job.log(f"{result.status} after {result.steps} steps, {result.seconds:.2f} s")
        if result.status is Status.failed:
            job.log(result.message or "", logging.ERROR)
            job.report_end(result.error or RuntimeError(result.message))
        elif (error := divergence_error(result, job.config)) is not None:
            job.report_end(error)
        else:
            job.report_end(objective(result))

    def _fail(self, jobs: Sequence[Job], error: Exception) -> None:
        """Mark every run of the cohort as failed with `error`."""
        for job in jobs:
            with suppress(OSError):  # the run's folder is gone or cannot be made; the other runs continue
                if not job.has_begun:
                    job.begin()
                job.log(str(error) or repr(error), logging.ERROR)
                write_failure(job.folder, str(error) or repr(error))
            job.report_end(error)


def _checkpoints(job: Job) -> list[ResumeState]:
    """The checkpoints from which a job can resume, newest first."""
    if not job.can_resume:
        return []
    remove_temporary_files(job.folder)
    try:
        return load_resume_states(job.folder, job.config)
    except RunFolderError as error:
        print(f"dlhw-train: {visible(str(error))}; starting again", file=sys.stderr, flush=True)
        return []


def _report_resuming(jobs: Sequence[Job], saved: Sequence[ResumeState]) -> None:
    """Say that runs resume, from one step or from several."""
    steps = sorted({int(checkpoint.progress["step"]) for checkpoint in saved})
    where = f"step {steps[0]}" if len(steps) == 1 else f"steps {steps[0]} to {steps[-1]}"
    print(f"resuming {len(jobs)} run{'s' * (len(jobs) != 1)} from {where}", flush=True)
    for job, checkpoint in zip(jobs, saved, strict=True):
        job.log(f"resuming from {checkpoint.source.name}, step {checkpoint.progress['step']}")


def chunks(places: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    """Consecutive pieces of at most `size`."""
    yield from (places[start : start + size] for start in range(0, len(places), size))
