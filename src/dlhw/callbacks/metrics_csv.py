"""metrics.csv: every evaluation as plain rows, one for each split."""

import csv
import io
import os
from collections.abc import Iterable
from pathlib import Path

from dlhw.runs.files import append_whole, write_atomic
from dlhw.runs.folder import COLUMNS, METRICS_FILE
from dlhw.runs.status import Status
from dlhw.training.callbacks import Callback
from dlhw.training.events import Evaluation, RunInfo, RunResult, Snapshot


class MetricsTracker(Callback):
    """Appends to metrics.csv in the run folder; floats keep all their digits."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / METRICS_FILE
        self._run = 0

    def on_start(self, info: RunInfo, snapshot: Snapshot) -> None:
        self._run = info.index
        # A run that goes on from a checkpoint will come past the later rows again.
        kept = rows_up_to(self._path, int(snapshot.progress().get("step", 0)))
        write_atomic(self._path, _as_text([COLUMNS, *kept]))

    def on_evaluation(self, evaluation: Evaluation, snapshot: Snapshot) -> None:
        append_whole(self._path, _as_text(self._rows(evaluation)).encode())

    def on_checkpoint(self, snapshot: Snapshot) -> None:
        """A run that goes on from here finds every row up to here, after a power cut too."""
        with self._path.open("rb") as file:
            os.fsync(file.fileno())

    def on_end(self, result: RunResult, snapshot: Snapshot) -> None:
        """Nothing is open between evaluations."""

    def on_abort(self, status: Status, message: str) -> None:
        """Nothing is open between evaluations."""

    def _rows(self, evaluation: Evaluation) -> list[list[str]]:
        """repr gives the shortest text that reads back as the same float; "nan" and "inf" for those."""
        seconds = f"{evaluation.seconds:.6f}"
        where = [str(self._run), repr(float(evaluation.epoch)), str(evaluation.step)]
        return [
            [*where, part, repr(float(scores.loss)), _or_empty(scores.accuracy), seconds]
            for part, scores in evaluation.scores.items()
        ]


def _or_empty(value: float | None) -> str:
    return "" if value is None else repr(float(value))


def _as_text(rows: Iterable[Iterable[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def rows_up_to(path: Path, step: int) -> list[list[str]]:
    """Whole rows of an earlier part of this run up to and with `step`; none for a run at its beginning.

    Rows of the test split are left out: it is measured after the last step, and will be again.
    """
    if step == 0 or not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8", errors="replace") as file:
        rows = list(csv.reader(file))[1:]
    # A killed process can leave its last line torn.
    whole = [row for row in rows if len(row) == len(COLUMNS) and row[2].isdigit()]
    return [row for row in whole if int(row[2]) <= step and row[3] != "test"]
