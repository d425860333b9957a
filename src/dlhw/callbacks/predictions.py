"""Callback that stores what a run predicts for the test split."""

from pathlib import Path

from dlhw.callbacks.registry import CallOrder, RunSetup, register
from dlhw.files import remove_file
from dlhw.runs.folder import PREDICTIONS_FILE
from dlhw.runs.predictions import SplitPredictions, write_predictions
from dlhw.training.callbacks import Callback
from dlhw.training.events import RunInfo, RunResult, Snapshot

SPLIT = "test"


@register(CallOrder.result)
def predictions(setup: RunSetup) -> Callback | None:
    """Enabled by `tracking.predictions`."""
    return PredictionsCallback(setup.folder) if setup.config.tracking.predictions else None


class PredictionsCallback(Callback):
    """Writes predictions.safetensors at the end of a successful classification run that has a test split.

    Args:
        folder: the run folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._split_hash = ""

    def on_start(self, info: RunInfo, snapshot: Snapshot) -> None:
        remove_file(self._folder / PREDICTIONS_FILE)  # of an earlier end, beyond which this run trains
        self._split_hash = info.split_hashes.get(SPLIT, "")

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
