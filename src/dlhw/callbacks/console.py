"""What a run says while it trains: a bar on a terminal, lines in a pipe, and a closing table."""

import os
import sys
from pathlib import Path

from rich.console import Console as Terminal
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from dlhw.callbacks.wording import closing_line, epoch_text, evaluation_line, head_line, score_text, table
from dlhw.config.tracking import Console
from dlhw.config.trainer import Select
from dlhw.display import visible
from dlhw.runs.status import Status
from dlhw.training.callbacks import Callback
from dlhw.training.events import Evaluation, RunInfo, RunResult, Snapshot


class PipeSafeConsole(Terminal):
    """A terminal whose reader may go away (`dlhw-train | head`): the run goes on, unheard."""

    def on_broken_pipe(self) -> None:
        """Called by rich, which would end the process."""
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.file.fileno())


class ConsoleTracker(Callback):
    """Shows one run; of runs that train together, the first stands for all.

    Args:
        folder: the run folder, named at the end.
        style: bar or plain; auto is a bar where both outputs are a terminal.
        num_runs: runs that train together.
        out: where lines and the table go, standard output by default.
        err: where the bar goes, standard error by default.
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
        is_terminal = all(each.is_terminal and not each.is_dumb_terminal for each in (self._out, self._err))
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
        self._say(head_line(info, self._num_runs))
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
            self._say(evaluation_line(evaluation, self._total_epochs, best))
        elif set(evaluation.scores) != {"test"}:  # whose scores are in the closing table
            where = epoch_text(evaluation.epoch, self._total_epochs)
            scores = score_text(evaluation)
            self._progress.update(self._task, completed=evaluation.step, description=where, scores=scores)

    def on_progress(self, step: int, epoch: float) -> None:
        """Move the bar."""
        if self._progress is not None:
            where = epoch_text(round(epoch, 1), self._total_epochs)
            self._progress.update(self._task, completed=step, description=where)

    def on_checkpoint(self, snapshot: Snapshot) -> None:
        """Nobody needs to see it."""

    def on_end(self, result: RunResult, snapshot: Snapshot) -> None:
        self._has_ended = True
        self._close()
        self._out.print(table(result))
        self._say(closing_line(result, self._folder))

    def on_abort(self, status: Status, message: str) -> None:
        """The message itself is shown by the command that ends."""
        self._close()
        if not self._has_ended:
            self._say(f"{status} after {epoch_text(self._epoch, self._total_epochs)}  {self._folder}")

    def _say(self, line: str) -> None:
        """One line as it is: no markup, no wrapping, and nothing that the stream cannot encode."""
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
        # Evaluations can be minutes apart; the default forgets all that is older than half a minute.
        speed_estimate_period=24 * 3600,
    )
