"""Advice for a run whose loss is huge or not finite: mostly its inputs or targets are far from 1."""

import sys
from collections.abc import Callable

from torch import Tensor

from dlhw.config.root import TrainConfig
from dlhw.data.dataset import Dataset
from dlhw.training.callbacks import Callback
from dlhw.training.events import Evaluation, Snapshot

HUGE_LOSS = 1e3
LARGE_INPUT = 20.0  # usual learning rates suit smaller values


class LossAdvice(Callback):
    """Prints once on stderr, with ranges and remedies, that a run's training loss is huge.

    Args:
        advice: returns the ranges and the remedies, see `advice_for`.
    """

    def __init__(self, advice: Callable[[], str]) -> None:
        self._advice = advice
        self.is_printed = False

    def on_evaluation(self, evaluation: Evaluation, snapshot: Snapshot) -> None:
        train = evaluation.scores.get("train")
        if train is not None and train.loss > HUGE_LOSS and not self.is_printed:
            message = f"the training loss is {train.loss:.3g} at epoch {evaluation.epoch:.4g}"
            print(f"dlhw-train: {message}: {self._advice()}", file=sys.stderr, flush=True)
            self.is_printed = True


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
    return max(map(abs, ends)) > LARGE_INPUT


def _text(ends: tuple[float, float]) -> str:
    return f"[{ends[0]:.4g}, {ends[1]:.4g}]"
