"""What callbacks receive. Nothing here leads back into the trainer."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from torch import Tensor

from dlhw.config.root import TrainConfig
from dlhw.status import Status


@dataclass(frozen=True)
class Scores:
    """Mean loss (without penalty) and fraction of correct predictions; regression has no accuracy."""

    loss: float
    accuracy: float | None = None


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """One evaluation of one run.

    Args:
        epoch: epochs done, a fraction within an epoch.
        step: updates done.
        seconds: since training began.
        lr: learning rate of the last update.
        scores: split ("train", "val", at the end "test") -> its scores.
        is_best: whether this is the best validation so far.
    """

    epoch: float
    step: int
    seconds: float
    lr: float
    scores: Mapping[str, Scores]
    is_best: bool = False


@dataclass(frozen=True, kw_only=True)
class RunInfo:
    """What is known about a run before its first step.

    Args:
        index: number of the run in its sweep, or else in its cohort, from 0.
        config: the whole config.
        num_parameters: trainable numbers of this run.
        num_samples: split -> number of its samples.
        split_hashes: split -> SHA-256 of its samples, as in `Dataset.hashes`.
        in_training: other split -> number of its samples that are in the training split too.
        input_shape: shape of one input, `(H, W)` and `(C, H, W)` for images.
        class_names: names of the classes, empty for regression.
        device: that it trains on, such as "cpu" or "cuda:0".
        total_epochs: epochs planned.
        total_steps: updates planned.
        layers: parameter name -> shape, in the model's order ("fc1.weight" -> (64, 128)).
        gradcheck: largest relative error of the manual gradients; None if they were not checked.
        matmul: the float32 matrix-product setting in use.
        backend: that executes the steps, as `trainer.backend` but never "auto".
    """

    index: int
    config: TrainConfig
    num_parameters: int
    num_samples: Mapping[str, int]
    input_shape: tuple[int, ...]
    class_names: Sequence[str]
    device: str
    total_epochs: int
    total_steps: int
    layers: Mapping[str, tuple[int, ...]]
    gradcheck: float | None = None
    matmul: str = "highest"
    backend: str = "eager"
    split_hashes: Mapping[str, str] = field(default_factory=dict)
    in_training: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """State of one run, read at each call. Calls make fresh copies on the CPU, so call only what you need.

    Args:
        parameters: parameter name -> its value, without run axis.
        gradients: parameter name -> gradient of the last step, penalty included; empty before the first.
        norms: (kind, parameter name) -> Euclidean norm, kind "weight" or "gradient"; cheap, no copies.
        progress: plain data that training resumes from (epoch, step, early-stopping counters).
        model_state: parameters and the optimizer's state, with the names that a checkpoint gives them.
        state_dict: every tensor that training resumes from, with the names that a checkpoint gives them:
            also the best parameters, random generators and outputs that have not been scored yet.
    """

    parameters: Callable[[], dict[str, Tensor]]
    gradients: Callable[[], dict[str, Tensor]]
    norms: Callable[[], dict[tuple[str, str], float]]
    progress: Callable[[], dict[str, Any]]
    model_state: Callable[[], dict[str, Tensor]] = dict
    state_dict: Callable[[], dict[str, Tensor]] = dict


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """Predictions of a run for each sample of a split, in the order of the data.

    Args:
        split: "test", or "val" or "train" where there is none.
        parameters: "best" or "last": those that `trainer.select` chose.
        predicted_N: class of highest score.
        targets_N: labels.
    """

    split: str
    parameters: str
    predicted_N: Tensor
    targets_N: Tensor


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """How a run ended.

    Args:
        status: see `Status`.
        final: split -> scores of the last parameters.
        best: split -> scores of the parameters of best validation (the last where there is no validation).
        best_epoch: epochs done then.
        best_step: updates done then.
        epochs: epochs done.
        steps: updates done.
        seconds: wall time of training with evaluations, that of the whole cohort.
        own_seconds: the run's share of it: between two evaluations the cohort's time divided by the number of
            runs that train; None for a run that was aborted.
        diverged_at: step at which the loss was first not finite.
        message: what went wrong, for status failed.
        error: the exception that went with it.
        confusion_KK: counts by true class (row) and predicted class (column), on test (or val, or train).
        confusion_split: the split that `confusion_KK` counts.
        predictions: that `confusion_KK` counts; None for regression.
    """

    status: Status
    final: Mapping[str, Scores]
    best: Mapping[str, Scores]
    best_epoch: float
    best_step: int
    epochs: float
    steps: int
    seconds: float
    own_seconds: float | None = None
    diverged_at: int | None = None
    message: str | None = None
    error: Exception | None = None
    confusion_KK: Tensor | None = None
    confusion_split: str | None = field(default=None)
    predictions: Predictions | None = None


def scores_to_dict(scores: Mapping[str, Scores]) -> dict[str, dict[str, float | None]]:
    """Scores of splits as plain data for JSON."""
    return {split: asdict(of_split) for split, of_split in scores.items()}


def scores_from_dict(plain: Mapping[str, Mapping[str, Any]]) -> dict[str, Scores]:
    """The inverse of `scores_to_dict`."""
    return {
        str(split): Scores(float(values["loss"]), _number(values["accuracy"]))
        for split, values in plain.items()
    }


def _number(value: Any) -> float | None:
    return None if value is None else float(value)
