"""metrics.csv: every evaluation as rows of text, one for each split."""

import csv
import io
import os
from collections.abc import Iterable
from pathlib import Path

from dlhw.callbacks.registry import RunSetup, register
from dlhw.files import append_whole, write_atomic
from dlhw.runs.folder import COLUMNS, METRICS_FILE
from dlhw.training.callbacks import Callback
from dlhw.training.events import Evaluation, RunInfo, Snapshot


@register()
def metrics_csv(setup: RunSetup) -> Callback:
    """Always enabled."""
    return MetricsCallback(setup.folder)


class MetricsCallback(Callback):
    """Appends each evaluation to metrics.csv; floats keep all their digits.

    Args:
        folder: the run folder.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / METRICS_FILE
        self._run = 0

    def on_start(self, info: RunInfo, snapshot: Snapshot) -> None:
        self._run = info.index
        # A run that resumes from a checkpoint writes the later rows again.
        kept = rows_up_to(self._path, int(snapshot.progress().get("step", 0)))
        write_atomic(self._path, _as_text([COLUMNS, *kept]))

    def on_evaluation(self, evaluation: Evaluation, snapshot: Snapshot) -> None:
        append_whole(self._path, _as_text(self._rows(evaluation)).encode())

    def on_checkpoint(self, snapshot: Snapshot) -> None:
        """Sync, so that every row before the checkpoint survives a power cut: the resumed run keeps it."""
        with self._path.open("rb") as file:
            os.fsync(file.fileno())

    def _rows(self, evaluation: Evaluation) -> list[list[str]]:
        """`repr` gives the shortest text that is read back as the same float."""
        seconds = f"{evaluation.seconds:.6f}"
        position = [str(self._run), repr(float(evaluation.epoch)), str(evaluation.step)]
        return [
            [*position, split, repr(float(scores.loss)), _or_empty(scores.accuracy), seconds]
            for split, scores in evaluation.scores.items()
        ]


def _or_empty(value: float | None) -> str:
    return "" if value is None else repr(float(value))


def _as_text(rows: Iterable[Iterable[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def rows_up_to(path: Path, step: int) -> list[list[str]]:
    """Rows that an earlier process wrote up to and including `step`; none for a run that starts at 0.

    Rows of the test split are left out: it is measured after the last step, and will be again.
    """
    if step == 0 or not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8", errors="replace") as file:
        rows = list(csv.reader(file))[1:]
    # The last line of a killed process can be incomplete.
    complete = [row for row in rows if len(row) == len(COLUMNS) and row[2].isdigit()]
    return [row for row in complete if int(row[2]) <= step and row[3] != "test"]
