"""Threads that make a call of compiled steps together."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait

import torch

from dlhw.kernels.abi import GIVEN_UP, MEETING_SIZE
from dlhw.kernels.blas import use_one_thread


class ThreadTeam:
    """So many threads, each of which takes its part in a call; with one, the caller's own.

    Args:
        size: of the team.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.meeting = torch.zeros(MEETING_SIZE, dtype=torch.long)
        # BLAS's own threads would only be more of them
        self._executor = ThreadPoolExecutor(size, "dlhw-team", use_one_thread) if size > 1 else None

    def call(self, work: Callable[[int], None]) -> None:
        """Call `work` with each part's number, all at the same time: they wait for each other.

        Whatever is raised while they work, an interrupt too, is raised when they have ended.
        """
        if self._executor is None:
            work(0)
            return
        self.meeting.zero_()
        parts: list[Future[None]] = []
        try:
            for part in range(self.size):
                parts.append(self._executor.submit(work, part))
            for each in parts:
                each.result()
        except BaseException:
            self.meeting[GIVEN_UP] = 1
            wait(parts)
            raise
