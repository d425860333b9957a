"""What a cohort will take: parameters, memory, and time, which is measured on a few steps of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from time import perf_counter

import torch

from dlhw.config.root import TrainConfig
from dlhw.data.cache import DatasetCache
from dlhw.display import duration
from dlhw.execution.memory import cohort_bytes, run_bytes
from dlhw.training.backends.select import resolve_matmul, select_backend
from dlhw.training.backends.shard import make_shards
from dlhw.training.batches import DeviceDataset, Splits
from dlhw.training.cohort import Cohort
from dlhw.training.device import DTYPES, matmul_setting
from dlhw.training.fit import make_solver, prepare, takes_steps
from dlhw.training.schedule import StepSchedule

# The first round warms up; of the others the fastest counts.
ROUNDS, MEASURED_STEPS = 4, 8
MEASURED_RUNS = 64
KEPT_DATASETS = 8


@dataclass(frozen=True)
class Estimate:
    """Of one cohort.

    Args:
        num_runs: R.
        num_parameters: of each run.
        bytes: of all runs together.
        steps: updates, if no run stops early.
        step_seconds: of one update of all runs.
    """

    num_runs: int
    num_parameters: int
    bytes: int
    steps: int
    step_seconds: float

    @property
    def seconds(self) -> float:
        """Of all updates."""
        return self.steps * self.step_seconds

    def __str__(self) -> str:
        return (
            f"{self.num_parameters:,} parameters a run, about {self.bytes / 2**20:,.0f} MiB, "
            f"{self.steps:,} steps of {1000 * self.step_seconds:.2f} ms: about {duration(self.seconds)}"
        )


class Estimator:
    """Estimates cohorts one after the other; data is read once."""

    def __init__(self) -> None:
        self._datasets = DatasetCache(KEPT_DATASETS)

    def estimate(self, configs: Sequence[TrainConfig]) -> Estimate:
        """Of the runs of one cohort.

        Raises:
            UserError: if the data is not there, which is not fetched for an estimate, or does not fit.
        """
        # More runs would take longer and give the same estimate.
        measured = [_without_download(config) for config in configs[:MEASURED_RUNS]]
        datasets = [self._datasets.get(config, DTYPES[config.trainer.dtype]) for config in measured[:2]]
        dataset, other = datasets[0], datasets[-1]
        cohort = prepare(measured, [dataset])
        own_data = dataset.splits["train"].inputs is not other.splits["train"].inputs
        bytes_per_run = run_bytes(
            configs[0], cohort.layout, cohort.model.total_activation_size, dataset, own_data
        )
        splits = {"train": DeviceDataset.of([dataset.splits["train"]], cohort.device)}
        is_solved = make_solver(cohort) is not None
        schedule = StepSchedule(cohort.config.trainer, splits["train"].num_samples, is_solved=is_solved)
        seconds = _step_seconds(cohort, splits, schedule) * len(configs) / len(measured)
        return Estimate(
            num_runs=len(configs),
            num_parameters=cohort.layout.num_parameters,
            bytes=len(configs) * bytes_per_run + cohort_bytes(cohort.dtype.itemsize),
            steps=schedule.total_steps,
            step_seconds=seconds,
        )


def _without_download(config: TrainConfig) -> TrainConfig:
    """Nothing is fetched for an estimate."""
    if not config.data.is_downloaded:
        return config
    return replace(config, data=replace(config.data, download=False))  # type: ignore[call-arg]


def _step_seconds(cohort: Cohort, splits: Splits, schedule: StepSchedule) -> float:
    """Time of one update of all runs; the learning rate is 0, so that nothing can overflow."""
    backend = select_backend(cohort)
    matmul = resolve_matmul(cohort, backend)
    if not takes_steps(cohort.config):
        return 0.0
    lrs = [0.0] * cohort.num_runs
    count = min(schedule.steps_per_epoch, MEASURED_STEPS)
    seconds = []
    workers, shards = make_shards(cohort, splits, schedule.batch_size, backend)
    with matmul_setting(matmul), workers:
        for _ in range(ROUNDS):
            workers.map(lambda shard: shard.start_epoch(0), shards)
            start = perf_counter()
            workers.map(lambda shard: shard.train(0, count, lrs[shard.rows]), shards)
            if cohort.device.type == "cuda":
                torch.cuda.synchronize(cohort.device)
            seconds.append((perf_counter() - start) / count)
    return min(seconds)
