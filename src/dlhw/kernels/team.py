"""Threads that make a call of compiled steps together."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait

import torch

from dlhw.kernels.abi import BARRIER_SIZE, GIVEN_UP
from dlhw.kernels.llvm_support import use_one_thread


class ThreadTeam:
    """Threads that take part in a call; a team of one is the caller's own thread.

    Args:
        size: number of threads.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.barrier = torch.zeros(BARRIER_SIZE, dtype=torch.long)
        # BLAS's own threads would only be more of them
        self._executor = ThreadPoolExecutor(size, "dlhw-team", use_one_thread) if size > 1 else None

    def call(self, work: Callable[[int], None]) -> None:
        """Call `work` with the number of each thread, all at the same time: they wait for each other.

        Whatever is raised while they work, an interrupt too, is raised when they have ended.
        """
        if self._executor is None:
            work(0)
            return
        self.barrier.zero_()
        futures: list[Future[None]] = []
        try:
            for part in range(self.size):
                futures.append(self._executor.submit(work, part))
            for future in futures:
                future.result()
        except BaseException:
            self.barrier[GIVEN_UP] = 1
            wait(futures)
            raise
