"""Callbacks: what training calls while runs train, and how a run whose callback fails is handled."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress

from dlhw.locks import FolderLostError
from dlhw.status import Status
from dlhw.training.backends.threads import Workers
from dlhw.training.events import Evaluation, RunInfo, RunResult, Snapshot
from dlhw.training.state import RunState


class Callback:
    """Receives the events of one run. Every method does nothing; override those that are needed.

    A callback only receives: nothing that it is passed leads back into the trainer. It owns its files, and
    closes them in `on_end` or `on_abort`. If a method raises, the run fails; the other runs of a cohort
    continue.

    >>> class PrintLoss(Callback):
    ...     def on_evaluation(self, evaluation: Evaluation, snapshot: Snapshot) -> None:
    ...         if "train" in evaluation.scores:  # the last one is of the test split alone
    ...             print(evaluation.epoch, evaluation.scores["train"].loss)
    """

    def on_start(self, info: RunInfo, snapshot: Snapshot) -> None:
        """Before the first step, also of a run that is resumed."""

    def on_progress(self, step: int, epoch: float) -> None:
        """A few times a second, also between evaluations: updates and epochs done."""

    def on_evaluation(self, evaluation: Evaluation, snapshot: Snapshot) -> None:
        """After each evaluation, and once more at the end with the split "test" alone."""

    def on_checkpoint(self, snapshot: Snapshot) -> None:
        """Between two steps, when everything that training resumes from is to be stored."""

    def on_end(self, result: RunResult, snapshot: Snapshot) -> None:
        """When the run has ended by itself, diverged or stopped early included."""

    def on_abort(self, status: Status, message: str) -> None:
        """When an exception or an interrupt ended the run; open files are flushed and closed."""


class CallbackList:
    """The callbacks of all runs of a cohort.

    Args:
        callbacks: a list for each run, in the order in which they are called.
        runs: state of each run.
        workers: threads; callbacks of different runs run side by side, since they mostly wait for files.
        snapshot: of a run, by its number.
    """

    def __init__(
        self,
        callbacks: Sequence[Sequence[Callback]],
        runs: Sequence[RunState],
        workers: Workers,
        snapshot: Callable[[int], Snapshot],
    ) -> None:
        self.callbacks, self.runs, self.workers, self.snapshot = callbacks, runs, workers, snapshot
        self._stored: set[int] = set()
        self._with_progress = [
            callback
            for of_run in callbacks
            for callback in of_run
            if type(callback).on_progress is not Callback.on_progress
        ]

    def on_start(self, infos: Sequence[RunInfo]) -> None:
        """Every run is about to start or to resume."""
        self.workers.map(lambda item: self._start(*item), enumerate(infos))

    def on_progress(self, step: int, epoch: float) -> None:
        """Some steps have been made."""
        for callback in self._with_progress:
            callback.on_progress(step, epoch)

    def on_evaluation(self, evaluations: Sequence[tuple[int, Evaluation]]) -> None:
        """Runs have been evaluated: (number, evaluation) of each."""
        self.workers.map(lambda item: self._evaluation(*item), evaluations)

    def on_checkpoint(self) -> None:
        """Store every run that still trains, all at the same step, and every run that has ended once."""
        numbers = [
            number
            for number, run in enumerate(self.runs)
            if run.active or (number not in self._stored and run.error is None)
        ]
        self._stored |= {number for number in numbers if not self.runs[number].active}
        self.workers.map(self._checkpoint, numbers)

    def on_end(self, ends: Sequence[tuple[int, Evaluation | None, RunResult]]) -> None:
        """Runs have ended: (number, evaluation on the test split, result) of each."""
        self.workers.map(lambda item: self._end(*item), ends)

    def _start(self, number: int, info: RunInfo) -> None:
        self._dispatch(number, lambda callback: callback.on_start(info, self.snapshot(number)))

    def _evaluation(self, number: int, evaluation: Evaluation) -> None:
        self._dispatch(number, lambda callback: callback.on_evaluation(evaluation, self.snapshot(number)))

    def _checkpoint(self, number: int) -> None:
        self._dispatch(number, lambda callback: callback.on_checkpoint(self.snapshot(number)))

    def _end(self, number: int, test: Evaluation | None, result: RunResult) -> None:
        if test is not None and self.runs[number].error is None:
            self._evaluation(number, test)
        if self.runs[number].error is None:
            self._dispatch(number, lambda callback: callback.on_end(result, self.snapshot(number)))

    def _dispatch(self, number: int, call: Callable[[Callback], None]) -> None:
        """Call every callback of a run; if one fails, the run fails, and the other runs continue."""
        try:
            for callback in self.callbacks[number]:
                call(callback)
        except Exception as error:
            if len(self.runs) == 1 or isinstance(error, FolderLostError):
                raise
            self.runs[number].fail(error)
            with suppress(Exception):
                abort(self.callbacks[number], Status.failed, str(error) or repr(error))


def abort(callbacks: Sequence[Callback], status: Status, message: str) -> None:
    """Call `on_abort` of every callback, also when another one fails at it."""
    with ExitStack() as stack:
        for callback in callbacks:
            stack.callback(callback.on_abort, status, message)
