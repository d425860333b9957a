"""Which runs of a cohort step together, on how many threads, and the threads."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from math import ceil, prod
from threading import Event
from typing import Self, TypeVar

import torch

from dlhw.config.trainer import EarlyStoppingConfig
from dlhw.kernels.llvm_support import can_use_one_thread
from dlhw.kernels.thresholds import SMALL_BATCH
from dlhw.training.cohort import Cohort

# Products of fewer multiplications are not faster on two threads, and a step of so little work suffers most
# when threads wait for each other on a machine that is shared.
WORTH_THREADS = 5_000_000
# Multiplications of a shard's step from which threads that each have runs of their own are faster than
# threads that share every operation (784-128-10, batch 64: equal for 2 runs each, 0.6 of the time for 8).
WORTH_SHARDING = 12_000_000
# Parameters and gradients of a shard should stay in a core's cache from one step to the next: 32 runs of
# 784-128-10 on two threads take 7.2 ms a step as 2 shards, 6.5 as 4, 7.4 as 16.
SHARD_BYTES = 8 * 2**20
# Threads that wait for the one with the most runs must not lose more than sharding gains.
IMBALANCE = 1.25
# Multiplications of a compiled step's forward pass from which threads that share it are worth that they wait
# for each other twice: 0.6 to 0.8 of one thread's time with two (784 inputs, batches of 36 to 1000).
WORTH_TEAM = 500_000
# What an element of an activation costs, in multiplications of a large product: small convolutional networks
# spend their time on activations, not on weights.
ELEMENT_COST = 10


@dataclass(frozen=True)
class ThreadPlan:
    """How a cohort is spread over threads.

    Args:
        rows: the runs of each shard.
        workers: shards that train at a time.
        threads: that each of them uses inside its operations.
        team: threads that make its compiled steps together.
    """

    rows: tuple[slice, ...]
    workers: int
    threads: int
    team: int = 1


def plan_threads(
    num_runs: int,
    product: int,
    step: int,
    run_bytes: int,
    threads: int,
    *,
    compiled: bool = False,
    may_end: bool = False,
) -> ThreadPlan:
    """Spread a cohort over the threads of a CPU.

    Compiled steps train one run after the other, in the core's cache and without Python: for them every
    thread is worth its share of the runs, and blocks of runs are not needed.

    Args:
        num_runs: R.
        product: multiplications of the largest matrix product of one run's step.
        step: multiplications of all products of one run's forward pass.
        run_bytes: parameters and gradients of one run.
        threads: that may be used.
        compiled: whether steps are compiled loops.
        may_end: whether runs may end at different steps. Then shards are as small as is worth it, because a
            shard trains until the last of its runs has ended, and a thread takes whichever still trains.
    """
    if compiled and num_runs > 1:
        workers = min(threads, num_runs)
        return ThreadPlan(_even_rows(num_runs, workers), workers, threads // workers)
    workers = min(threads, num_runs, num_runs * step // WORTH_SHARDING)
    if workers < 2 or ceil(num_runs / workers) * workers > IMBALANCE * num_runs:
        return ThreadPlan((slice(0, num_runs),), 1, threads if num_runs * product >= WORTH_THREADS else 1)
    rounds = ceil(num_runs * run_bytes / (workers * SHARD_BYTES))
    smallest = ceil(WORTH_SHARDING / step) if may_end else num_runs
    count = min(num_runs, max(workers * rounds, num_runs // smallest))
    return ThreadPlan(_even_rows(num_runs, count), workers, threads // workers)


def _even_rows(num_runs: int, count: int) -> tuple[slice, ...]:
    edges = [number * num_runs // count for number in range(count + 1)]
    return tuple(slice(edges[number], edges[number + 1]) for number in range(count))


def plan_of(cohort: Cohort, batch_size: int, *, compiled: bool = False, sparse: bool = False) -> ThreadPlan:
    """How a cohort is spread over the threads of this machine; on another device it stays whole.

    With sparse inputs the first layer's products are loops, for which torch's threads do nothing.
    """
    threads = torch.get_num_threads()
    if cohort.device.type != "cpu":
        return ThreadPlan((slice(0, cohort.num_runs),), 1, threads)
    sizes = [prod(shape) for shape in cohort.affine_shapes()][1 if sparse else 0 :]
    elementwise = ELEMENT_COST * cohort.model.total_activation_size
    step = batch_size * max(cohort.layout.num_parameters, elementwise)
    plan = plan_threads(
        cohort.num_runs,
        product=batch_size * max([*sizes, elementwise]),
        step=step,
        run_bytes=2 * cohort.params_RP[0].nbytes,
        threads=threads,
        compiled=compiled,
        may_end=any(_may_end(config.trainer.early_stopping) for config in cohort.configs),
    )
    has_team = compiled and can_use_one_thread()
    return replace(plan, team=team_size(batch_size, step, threads // plan.workers)) if has_team else plan


def team_size(batch_size: int, step: int, threads: int) -> int:
    """Threads that make a compiled step of one run together: as many as have enough samples.

    Args:
        batch_size: B.
        step: multiplications of all products of the step's forward pass.
        threads: that may be used.
    """
    return max(1, min(threads, batch_size // (SMALL_BATCH + 1))) if step >= WORTH_TEAM else 1


def _may_end(stopping: EarlyStoppingConfig) -> bool:
    return stopping.patience is not None or stopping.train_accuracy is not None


Item = TypeVar("Item")
Result = TypeVar("Result")


class Workers:
    """Threads that train shards; inside the `with` block torch uses the plan's threads in each operation.

    Args:
        plan: how the cohort is spread over threads.
    """

    def __init__(self, plan: ThreadPlan) -> None:
        self.plan = plan
        self.stopped = Event()
        self._executor: ThreadPoolExecutor | None = None

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.callback(torch.set_num_threads, torch.get_num_threads())
            use_threads = partial(torch.set_num_threads, self.plan.threads)
            use_threads()
            if self.plan.workers > 1:
                pool = ThreadPoolExecutor(self.plan.workers, "dlhw-shard", initializer=use_threads)
                self._executor = stack.enter_context(pool)
            self._open = stack.pop_all()
        return self

    def __exit__(self, *raised: object) -> None:
        self._executor = None
        self._open.close()

    def map(self, work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
        """Call `work` with every item. If a call fails, or the wait is interrupted, `stopped` is set for the
        others, and the exception is raised when they have ended."""
        if self._executor is None:
            return [work(item) for item in items]
        futures = [self._executor.submit(work, item) for item in items]
        try:
            return [future.result() for future in futures]
        except BaseException:
            self.stopped.set()
            for future in futures:
                future.cancel()
            wait(futures)
            raise
