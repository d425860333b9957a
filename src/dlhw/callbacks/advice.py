"""What to try when a run's loss is enormous or not finite: mostly inputs or targets that are far from 1."""

import sys
from collections.abc import Callable

from torch import Tensor

from dlhw.config.root import TrainConfig
from dlhw.data.dataset import Dataset
from dlhw.runs.status import Status
from dlhw.training.callbacks import Callback
from dlhw.training.events import Evaluation, RunInfo, RunResult, Snapshot

ENORMOUS = 1e3
# Ranges of numbers that usual learning rates suit.
USUAL = 20.0


class AdviceTracker(Callback):
    """Says once on stderr, with ranges and remedies, that a single run's training loss is enormous.

    Args:
        advice: gives the ranges and the remedies, see `advice_for`.
    """

    def __init__(self, advice: Callable[[], str]) -> None:
        self._advice = advice
        self.is_said = False

    def on_start(self, info: RunInfo, snapshot: Snapshot) -> None:
        """Nothing is known yet."""

    def on_evaluation(self, evaluation: Evaluation, snapshot: Snapshot) -> None:
        train = evaluation.scores.get("train")
        if train is not None and train.loss > ENORMOUS and not self.is_said:
            what = f"the training loss is {train.loss:.3g} at epoch {evaluation.epoch:.4g}"
            print(f"dlhw-train: {what}: {self._advice()}", file=sys.stderr, flush=True)
            self.is_said = True

    def on_checkpoint(self, snapshot: Snapshot) -> None:
        """Says nothing about the loss."""

    def on_end(self, result: RunResult, snapshot: Snapshot) -> None:
        """The command says that a run diverged."""

    def on_abort(self, status: Status, message: str) -> None:
        """The command says why."""


def advice_for(config: TrainConfig, dataset: Dataset) -> str:
    """The ranges of the training split and the remedies that fit them, as the tail of a sentence."""
    train = dataset.splits["train"]
    inputs, ranges, remedies = _range(train.inputs), [], []
    ranges.append(f"inputs lie in {_text(inputs)}")
    if _is_far(inputs):
        remedies.append("scale them with data.normalize=standardize")
    if dataset.num_classes is None:
        targets = _range(train.targets)
        ranges.append(f"targets in {_text(targets)}")
        if _is_far(targets):
            remedies.append("divide the targets in the file by a constant so that they come near 1")
    if config.optimizer.lr:
        remedies.append(f"try optimizer.lr={config.optimizer.lr / 10:.3g}")
    return "; ".join(filter(None, [", ".join(ranges), ", ".join(remedies)]))


def _range(values: Tensor) -> tuple[float, float]:
    return float(values.min()), float(values.max())


def _is_far(ends: tuple[float, float]) -> bool:
    return max(map(abs, ends)) > USUAL


def _text(ends: tuple[float, float]) -> str:
    return f"[{ends[0]:.4g}, {ends[1]:.4g}]"
