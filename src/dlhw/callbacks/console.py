"""Callback that prints progress: a bar on a terminal or a line per evaluation, then a closing table."""

import sys
from pathlib import Path

from rich.console import Console as Terminal
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from dlhw.callbacks.console_text import (
    closing_line,
    epoch_text,
    evaluation_line,
    head_line,
    score_table,
    score_text,
)
from dlhw.callbacks.registry import CallOrder, RunSetup, register
from dlhw.config.tracking import Console
from dlhw.config.trainer import Select
from dlhw.display import visible
from dlhw.status import Status
from dlhw.terminal import PipeSafeConsole
from dlhw.training.callbacks import Callback
from dlhw.training.events import Evaluation, RunInfo, RunResult, Snapshot


@register(CallOrder.display)
def console(setup: RunSetup) -> Callback | None:
    """Enabled by `tracking.console`; of runs that train together only the first is shown."""
    style = setup.config.tracking.console
    if style is Console.none or not setup.is_shown:
        return None
    return ConsoleCallback(setup.folder, style, setup.num_runs)


class ConsoleCallback(Callback):
    """Prints the progress of one run.

    Args:
        folder: the run folder, printed at the end.
        style: bar or plain; auto is a bar if both outputs are a terminal.
        num_runs: number of runs that train together.
        out: for lines and the table; standard output by default.
        err: for the bar; standard error by default.
    """

    def __init__(
        self,
        folder: Path,
        style: Console = Console.auto,
        num_runs: int = 1,
        out: Terminal | None = None,
        err: Terminal | None = None,
    ) -> None:
        self._folder = folder
        self._num_runs = num_runs
        self._out = out or PipeSafeConsole(file=sys.stdout, highlight=False)
        self._err = err or PipeSafeConsole(file=sys.stderr, highlight=False)
        is_terminal = all(
            terminal.is_terminal and not terminal.is_dumb_terminal for terminal in (self._out, self._err)
        )
        self._has_bar = style is Console.bar or (style is Console.auto and is_terminal)
        self._total_epochs = 0
        self._epoch = 0.0
        self._best_epoch: float | None = None
        self._select = Select.best
        self._has_ended = False
        self._progress: Progress | None = None
        self._task = TaskID(0)

    def on_start(self, info: RunInfo, snapshot: Snapshot) -> None:
        self._total_epochs, self._select = info.total_epochs, info.config.trainer.select
        best = snapshot.progress().get("best", {})  # of a run that is resumed
        self._best_epoch = best.get("epoch") if best.get("scores") else None
        self._print(head_line(info, self._num_runs))
        if self._has_bar:
            self._progress = _bar(self._err)
            done = int(snapshot.progress().get("step", 0))
            first = f"epoch 0/{info.total_epochs}"
            self._task = self._progress.add_task(first, total=info.total_steps, completed=done, scores="")
            self._progress.start()

    def on_evaluation(self, evaluation: Evaluation, snapshot: Snapshot) -> None:
        self._epoch = evaluation.epoch
        if evaluation.is_best:
            self._best_epoch = evaluation.epoch
        if self._progress is None:
            best = self._best_epoch if self._select is Select.best else None
            self._print(evaluation_line(evaluation, self._total_epochs, best))
        elif set(evaluation.scores) != {"test"}:  # its scores are in the closing table
            text, scores = epoch_text(evaluation.epoch, self._total_epochs), score_text(evaluation)
            self._progress.update(self._task, completed=evaluation.step, description=text, scores=scores)

    def on_progress(self, step: int, epoch: float) -> None:
        """Move the bar."""
        if self._progress is not None:
            text = epoch_text(round(epoch, 1), self._total_epochs)
            self._progress.update(self._task, completed=step, description=text)

    def on_end(self, result: RunResult, snapshot: Snapshot) -> None:
        self._has_ended = True
        self._close()
        self._out.print(score_table(result))
        self._print(closing_line(result, self._folder))

    def on_abort(self, status: Status, message: str) -> None:
        """The command itself prints the message."""
        self._close()
        if not self._has_ended:
            self._print(f"{status} after {epoch_text(self._epoch, self._total_epochs)}  {self._folder}")

    def _print(self, line: str) -> None:
        """Print one line without markup or wrapping; what the stream cannot encode is escaped."""
        encoding = self._out.encoding
        printable = visible(line).encode(encoding, "backslashreplace").decode(encoding)
        self._out.print(printable, markup=False, highlight=False, soft_wrap=True)
        self._out.file.flush()

    def _close(self) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress = None


def _bar(terminal: Terminal) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[scores]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=terminal,
        # Evaluations can be minutes apart; the default uses only the last half minute.
        speed_estimate_period=24 * 3600,
    )
