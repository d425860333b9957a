"""Threads that train the shards of a cohort."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack
from functools import partial
from threading import Event
from typing import Self, TypeVar

import torch

from dlhw.training.planning import Plan

Item = TypeVar("Item")
Result = TypeVar("Result")


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
