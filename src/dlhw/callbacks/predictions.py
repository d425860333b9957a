"""The tracker that keeps what a run predicts for the test split."""

from pathlib import Path

from dlhw.runs.files import remove_file
from dlhw.runs.folder import PREDICTIONS_FILE
from dlhw.runs.predictions import SplitPredictions, write_predictions
from dlhw.runs.status import Status
from dlhw.training.callbacks import Callback
from dlhw.training.events import Evaluation, RunInfo, RunResult, Snapshot

SPLIT = "test"


class PredictionsTracker(Callback):
    """Writes the file once, at the end of a run that ended well and has a test split; not for regression.

    Args:
        folder: the run folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._split_hash = ""

    def on_start(self, info: RunInfo, snapshot: Snapshot) -> None:
        remove_file(self._folder / PREDICTIONS_FILE)  # of an earlier end, which this run trains beyond
        self._split_hash = info.split_hashes.get(SPLIT, "")

    def on_evaluation(self, evaluation: Evaluation, snapshot: Snapshot) -> None:
        """Only the end counts."""

    def on_checkpoint(self, snapshot: Snapshot) -> None:
        """Only the end counts."""

    def on_end(self, result: RunResult, snapshot: Snapshot) -> None:
        predictions = result.predictions
        if predictions is None or predictions.split != SPLIT or not result.status.is_success:
            return
        content = SplitPredictions(
            predicted=predictions.predicted_N.numpy(),
            targets=predictions.targets_N.numpy(),
            parameters=predictions.parameters,
            split_hash=self._split_hash,
        )
        write_predictions(self._folder, content)

    def on_abort(self, status: Status, message: str) -> None:
        """A run that was cut off has no test scores."""
