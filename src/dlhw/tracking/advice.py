"""What to try when a run's loss is enormous or not finite: mostly inputs or targets that are far from 1."""

import sys

from torch import Tensor

from dlhw.data.dataset import Dataset
from dlhw.training.events import Evaluation, RunInfo, RunResult, Snapshot, Status

ENORMOUS = 1e3
# Ranges of numbers that usual learning rates suit.
USUAL = 20.0


class AdviceTracker:
    """Says once on stderr, with the ranges of inputs and targets, why a single run's loss may be enormous.

    Args:
        dataset: of the run.
    """

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self._is_said = False

    def start(self, info: RunInfo, snapshot: Snapshot) -> None:
        """Nothing is known yet."""

    def evaluated(self, evaluation: Evaluation, snapshot: Snapshot) -> None:
        train = evaluation.scores.get("train")
        if train is not None and train.loss > ENORMOUS:
            self._say(f"the training loss is {train.loss:.3g} at epoch {evaluation.epoch:.4g}")

    def checkpoint(self, snapshot: Snapshot) -> None:
        """Says nothing about the loss."""

    def finish(self, result: RunResult, snapshot: Snapshot) -> None:
        if result.status is Status.diverged:
            self._say("the run diverged")

    def abort(self, status: Status, message: str) -> None:
        """The command says why."""

    def _say(self, what: str) -> None:
        if not self._is_said:
            print(f"dlhw-train: {what}: {advice(self._dataset)}", file=sys.stderr, flush=True)
        self._is_said = True


def advice(dataset: Dataset) -> str:
    """The ranges of the training split and the remedies that fit them."""
    train = dataset.parts["train"]
    inputs, told, remedies = _range(train.inputs), [], []
    told.append(f"inputs lie in {_text(inputs)}")
    if _is_far(inputs):
        remedies.append("scale them with data.normalize=standardize")
    if dataset.num_classes is None:
        targets = _range(train.targets)
        told.append(f"targets in {_text(targets)}")
        if _is_far(targets):
            remedies.append("divide the targets in the file by a constant so that they come near 1")
    remedies.append("try a smaller optimizer.lr")
    return f"{', '.join(told)}; {', '.join(remedies)}"


def _range(values: Tensor) -> tuple[float, float]:
    return float(values.min()), float(values.max())


def _is_far(ends: tuple[float, float]) -> bool:
    return max(map(abs, ends)) > USUAL


def _text(ends: tuple[float, float]) -> str:
    return f"[{ends[0]:.4g}, {ends[1]:.4g}]"
