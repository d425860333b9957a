"""What a cohort's trackers are told, and what becomes of a run whose tracker fails."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress

from dlhw.locks import FolderLostError
from dlhw.runs.status import Status
from dlhw.training.backends.workers import Workers
from dlhw.training.events import ShowsSteps, Snapshot, Tracker
from dlhw.training.progress import Progress


class Audience:
    """The trackers of all runs.

    Args:
        trackers: a list for each run.
        runs: what is remembered of each.
        workers: threads; runs are told side by side, since much of it is waiting for files.
        snapshot: of a run.
    """

    def __init__(
        self,
        trackers: Sequence[Sequence[Tracker]],
        runs: Sequence[Progress],
        workers: Workers,
        snapshot: Callable[[int], Snapshot],
    ) -> None:
        self.trackers, self.runs, self.workers, self.snapshot = trackers, runs, workers, snapshot
        self.errors: dict[int, Exception] = {}
        self._kept: set[int] = set()
        self._bars = [tracker for run in trackers for tracker in run if isinstance(tracker, ShowsSteps)]

    def tell(self, number: int, say: Callable[[Tracker], None]) -> None:
        """Tell the trackers of one run; if one of them fails, so does its run, and the others go on."""
        try:
            for tracker in self.trackers[number]:
                say(tracker)
        except Exception as error:
            if len(self.runs) == 1 or isinstance(error, FolderLostError):
                raise
            self.runs[number].status, self.errors[number] = Status.failed, error
            with suppress(Exception):
                abort(self.trackers[number], Status.failed, str(error) or repr(error))

    def advance(self, step: int, epoch: float) -> None:
        """Notify whatever shows progress within an epoch."""
        for tracker in self._bars:
            tracker.advanced(step, epoch)

    def keep_checkpoint(self) -> None:
        """Of every run that trains, all at the same step; of a run that has ended once."""
        numbers = [number for number, run in enumerate(self.runs) if run.active or self._is_new(number)]
        self._kept |= {number for number in numbers if not self.runs[number].active}
        self.workers.map(self._keep_of, numbers)

    def _is_new(self, number: int) -> bool:
        return number not in self._kept and number not in self.errors

    def _keep_of(self, number: int) -> None:
        self.tell(number, lambda tracker: tracker.checkpoint(self.snapshot(number)))


def abort(trackers: Sequence[Tracker], status: Status, message: str) -> None:
    """Tell every tracker that its run was cut off, also when another one fails at it."""
    with ExitStack() as told:
        for tracker in trackers:
            told.callback(tracker.abort, status, message)
