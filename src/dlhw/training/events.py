"""What callbacks receive. Nothing here leads back into the trainer."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from dlhw.config.root import TrainConfig
from dlhw.runs.status import Status


@dataclass(frozen=True)
class Scores:
    """Mean loss (without penalty) and share of correct predictions; regression has no accuracy."""

    loss: float
    accuracy: float | None = None


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """One run, measured once.

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
    """What is known of a run before its first step.

    Args:
        index: number of the run in its sweep, or else in its cohort, from 0.
        config: the whole config.
        num_parameters: trainable numbers of this run.
        num_samples: split -> how many samples it has.
        split_hashes: split -> SHA-256 of its samples, as `Dataset.hashes` has it.
        in_training: other split -> how many of its samples stand in the training split too.
        input_shape: shape of one input, `(H, W)` and `(C, H, W)` for images.
        class_names: names of the classes, empty for regression.
        device: where it trains, such as "cpu" or "cuda:0".
        total_epochs: epochs planned.
        total_steps: updates planned.
        layers: parameter name -> shape, in the model's order ("fc1.weight" -> (64, 128)).
        gradcheck: largest relative error of the manual gradients; None where it was switched off.
        matmul: the float32 matrix-product setting in use.
        kernels: what makes the steps, "compiled" or "torch".
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
    kernels: str = "torch"
    split_hashes: Mapping[str, str] = field(default_factory=dict)
    in_training: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """Tensors of one run at one moment. Each call makes fresh copies on the CPU, so call what you need.

    Args:
        parameters: parameter name -> its value, without run axis.
        gradients: parameter name -> gradient of the last step, penalty included; empty before the first.
        norms: (kind, parameter name) -> Euclidean norm, kind "weight" or "gradient"; cheap, no copies.
        optimizer: name of a state ("momentum_buffer") -> its value, flat.
        progress: plain data that training resumes from (epoch, step, early-stopping counters).
        extra_state: name -> every other tensor that training resumes from: best parameters, random streams,
            outputs that have not been scored yet.
    """

    parameters: Callable[[], dict[str, Tensor]]
    gradients: Callable[[], dict[str, Tensor]]
    norms: Callable[[], dict[tuple[str, str], float]]
    optimizer: Callable[[], dict[str, Tensor]]
    progress: Callable[[], dict[str, Any]]
    extra_state: Callable[[], dict[str, Tensor]] = dict


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """What a run predicts for each sample of a split, in the order of the data.

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
        final: part -> scores of the last parameters.
        best: part -> scores of the parameters of best validation (the last where there is no validation).
        best_epoch: epochs done then.
        best_step: updates done then.
        epochs: epochs done.
        steps: updates done.
        seconds: wall time of training with evaluations, that of the whole cohort.
        own_seconds: the run's share of it: between two evaluations the cohort's time divided by the number of
            runs that train; None for a run that was cut off.
        diverged_at: step at which the loss was first not finite.
        message: what went wrong, for status failed.
        error: the exception that went with it.
        confusion_KK: counts by true class (row) and predicted class (column), on test (or val, or train).
        confusion_part: the part that `confusion_KK` counts.
        predictions: what `confusion_KK` counts; None for regression.
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
    confusion_part: str | None = field(default=None)
    predictions: Predictions | None = None
