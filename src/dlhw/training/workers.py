"""Which runs of a cohort step together, and on how many threads."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from math import ceil
from threading import Event
from typing import Self, TypeVar

import torch

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

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Plan:
    """How a cohort is spread over threads.

    Args:
        rows: the runs of each shard.
        workers: shards that train at a time.
        threads: that each of them uses inside its operations.
    """

    rows: tuple[slice, ...]
    workers: int
    threads: int


def make_plan(num_runs: int, product: int, step: int, run_bytes: int, threads: int) -> Plan:
    """Spread a cohort over the threads of a CPU.

    Args:
        num_runs: R.
        product: multiplications of the largest matrix product of one run's step.
        step: multiplications of all products of one run's forward pass.
        run_bytes: parameters and gradients of one run.
        threads: that may be used.
    """
    workers = min(threads, num_runs, num_runs * step // WORTH_SHARDING)
    if workers < 2 or ceil(num_runs / workers) * workers > IMBALANCE * num_runs:
        return Plan((slice(0, num_runs),), 1, threads if num_runs * product >= WORTH_THREADS else 1)
    rounds = ceil(num_runs * run_bytes / (workers * SHARD_BYTES))
    count = min(num_runs, workers * rounds)
    edges = [number * num_runs // count for number in range(count + 1)]
    rows = tuple(slice(edges[number], edges[number + 1]) for number in range(count))
    return Plan(rows, workers, threads // workers)


class Workers:
    """Threads that train shards; inside the `with` block torch uses the plan's threads in each operation."""

    def __init__(self, plan: Plan) -> None:
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
