"""The trackers that a config asks for."""

from pathlib import Path

from dlhw.callbacks.checkpoints import CheckpointTracker
from dlhw.callbacks.console import ConsoleTracker
from dlhw.callbacks.metrics_csv import MetricsTracker
from dlhw.callbacks.predictions import PredictionsTracker
from dlhw.callbacks.summary import SummaryTracker
from dlhw.callbacks.tensorboard import TensorBoardTracker
from dlhw.config.root import TrainConfig
from dlhw.config.tracking import Console
from dlhw.training.callbacks import Callback


def run_trackers(config: TrainConfig, folder: Path, show_console: bool, num_runs: int = 1) -> list[Callback]:
    """Make the trackers of one run, in the order in which they are to be told.

    Args:
        config: the run's config.
        folder: the run folder, which must exist.
        show_console: whether this run is the one that is shown; of runs that train together, the first.
        num_runs: runs that train together.
    """
    tracking = config.tracking
    trackers: list[Callback] = [MetricsTracker(folder)]
    if tracking.tensorboard:
        trackers.append(TensorBoardTracker(folder, tracking.weights_every))
    # After the rows: a run that goes on from a checkpoint finds every row up to it.
    if tracking.checkpoints:
        trackers.append(CheckpointTracker(folder))
    if tracking.predictions:
        trackers.append(PredictionsTracker(folder))
    # The summary says that the run has ended, so everything else is written before it.
    trackers.append(SummaryTracker(folder))
    if show_console and tracking.console is not Console.none:
        trackers.append(ConsoleTracker(folder, tracking.console, num_runs))
    return trackers
