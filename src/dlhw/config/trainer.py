"""Config group `trainer`: the loop."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum, auto

from dlhw.config.fields import observation, per_run
from dlhw.config.group import Group, at_least, does_nothing, positive


class Backend(StrEnum):
    """What executes the training steps."""

    auto = "auto"
    compiled = "compiled"
    cuda_graph = "cuda_graph"
    eager = "eager"
    autograd = "autograd"


class Unit(StrEnum):
    """What `eval_every` counts."""

    epoch = auto()
    step = auto()


class CheckpointUnit(StrEnum):
    """What `checkpoint_every` counts."""

    epoch = auto()
    minute = auto()


class OnDivergence(StrEnum):
    """What a loss or gradient that is not finite means to the command."""

    stop = auto()
    error = auto()
    accept = auto()


class Sampling(StrEnum):
    """How the samples of a step are drawn."""

    epoch = auto()
    without_replacement = auto()
    with_replacement = auto()


class TrainMetricsMode(StrEnum):
    """How the training split's loss and accuracy are measured."""

    running = auto()
    full = auto()


class Select(StrEnum):
    """Which parameters are evaluated on the test split."""

    best = auto()
    last = auto()


class Metric(StrEnum):
    """A number that every evaluation gives; regression has no accuracy."""

    auto = "auto"
    loss = "loss"
    accuracy = "accuracy"


class DType(StrEnum):
    """Precision of parameters, inputs and arithmetic."""

    float32 = auto()
    float64 = auto()


class Matmul(StrEnum):
    """torch's float32 matrix-product setting; auto measures speed and error on this machine and chooses."""

    auto = "auto"
    highest = "highest"
    high = "high"
    medium = "medium"


@dataclass(kw_only=True)
class EarlyStoppingConfig(Group):
    """Stop a run that has not improved in validation for `patience` evaluations, or that fits its data."""

    patience: int | None = per_run(None)
    """evaluations without a new best before stopping; null: never stop early"""
    metric: Metric = Metric.loss
    """loss or accuracy of the validation split; auto: accuracy where there is one"""
    min_delta: float = per_run(0.0)
    """what counts as new best must be better by more than this"""

    train_accuracy: float | None = per_run(None)
    """stop when the training split's accuracy has reached this; null: never"""

    def problems(self) -> Iterator[str]:
        if self.train_accuracy is not None and not 0 < self.train_accuracy <= 1:
            key = "trainer.early_stopping.train_accuracy"
            yield f"{key} must be in (0, 1], got {self.train_accuracy}"
        if self.patience is not None:
            yield from at_least("trainer.early_stopping.patience", self.patience, 1)
        yield from at_least("trainer.early_stopping.min_delta", self.min_delta, 0)
        if self.patience is None:
            unread = {"metric": self.metric is not Metric.loss, "min_delta": self.min_delta > 0}
            for key in (key for key, is_set in unread.items() if is_set):
                yield does_nothing(
                    f"trainer.early_stopping.{key}={getattr(self, key)}", "trainer.early_stopping.patience"
                )


@dataclass(kw_only=True)
class TrainerConfig(Group):
    """How long, in what batches, on what device, and how it is measured."""

    epochs: int = 20
    """passes over the training split; 0 evaluates the initial parameters"""
    max_steps: int | None = None
    """stop after this many updates, even if epochs remain; null: no limit"""
    batch_size: int | None = 64
    """samples a step; null: all at once (gradient descent)"""
    shuffle: bool = True
    """a new order every epoch; false: file order"""
    sampling: Sampling = Sampling.epoch
    """epoch: each sample once an epoch; without_replacement, with_replacement: every step draws anew from all
    samples, and an epoch is as many draws as there are samples"""
    drop_last: bool = False
    """leave out the last batch of an epoch when it is smaller"""
    eval_every: int = 1
    """evaluate every this many epochs or steps, and at the end"""
    eval_unit: Unit = Unit.epoch
    """what eval_every counts; steps count on over epochs"""
    eval_offset: int = 0
    """with eval_unit=step, evaluate this many steps later: 1 evaluates after the first update, and every
    eval_every from there, which is how code that counts updates from zero does it"""
    train_metrics: TrainMetricsMode = TrainMetricsMode.running
    """running: average over the batches since the last evaluation; full: a pass over the training split"""
    early_stopping: EarlyStoppingConfig = field(default_factory=EarlyStoppingConfig)
    select: Select = Select.best
    """parameters for the test evaluation: best by validation, or last"""
    select_by: Metric = Metric.auto
    """validation metric that says which is best; auto: accuracy where there is one, else loss"""
    backend: Backend = Backend.auto
    """compiled: whole steps as one compiled loop (CPU; affine layers, convolutions, poolings and activations;
    sgd, adam, adamw); cuda_graph: a step replayed as a CUDA graph (no dropout); eager: torch's operations,
    with the layers' own backward passes; autograd: torch's operations and torch's backward; auto: compiled
    or cuda_graph where possible, else eager; with gradcheck=false never compiled, since nothing would notice
    compiled code that differs from its layer"""
    device: str = "auto"
    """auto, cpu, cuda or cuda:N"""
    dtype: DType = DType.float32
    """float32 or float64"""
    matmul: Matmul = Matmul.auto
    """auto measures highest and medium on this machine, and takes the faster if it is as exact"""
    gradcheck: bool = True
    """compare manual gradients with autograd's on a small batch before training, and compiled ones with
    these; with backend=autograd there is nothing to compare"""
    checkpoint_every: float | None = observation(None)
    """write checkpoints/last every this many epochs or minutes; null: at evaluations, and about once a minute
    between them, but never so often that writing takes more than a twentieth of the time"""
    checkpoint_unit: CheckpointUnit = observation(CheckpointUnit.epoch)
    """what checkpoint_every counts; minutes pass within an epoch too"""
    on_divergence: OnDivergence = observation(OnDivergence.stop)
    """a run that diverges ends there with its last finite parameters, and a single run exits with 1; error: a
    sweep counts the run as failed; accept: a single run exits with 0"""

    def problems(self) -> Iterator[str]:
        yield from at_least("trainer.epochs", self.epochs, 0)
        if self.max_steps is not None:
            yield from at_least("trainer.max_steps", self.max_steps, 1)
        if not self.shuffle and self.sampling is not Sampling.epoch:
            yield f"trainer.shuffle=false contradicts trainer.sampling={self.sampling}"
        if self.batch_size is not None:
            yield from at_least("trainer.batch_size", self.batch_size, 1)
        yield from at_least("trainer.eval_every", self.eval_every, 1)
        limit = self.eval_every if self.eval_unit is Unit.step else 1
        if not 0 <= self.eval_offset < limit:
            what = "less than trainer.eval_every" if self.eval_unit is Unit.step else "0 for eval_unit=epoch"
            yield f"trainer.eval_offset must be >= 0 and {what}, got {self.eval_offset}"
        yield from self.early_stopping.problems()
        yield from self._checkpoint_problems()
        if self.drop_last and self.batch_size is None:
            yield does_nothing("trainer.drop_last=true", "trainer.batch_size")
        if self.matmul in (Matmul.high, Matmul.medium) and self.dtype is DType.float64:
            yield does_nothing(f"trainer.matmul={self.matmul}", "trainer.dtype=float32")
        if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", self.device):
            yield f"trainer.device must be auto, cpu, cuda or cuda:N, got {self.device}"

    def _checkpoint_problems(self) -> Iterator[str]:
        key, every = "trainer.checkpoint_every", self.checkpoint_every
        if every is None:
            if self.checkpoint_unit is CheckpointUnit.minute:
                yield "trainer.checkpoint_unit=minute needs trainer.checkpoint_every, got null"
            return
        yield from positive(key, every)
        if self.checkpoint_unit is CheckpointUnit.epoch and every > 0 and not every.is_integer():
            yield f"{key} must be a whole number of epochs (or trainer.checkpoint_unit=minute), got {every}"

    def resolved_sampling(self) -> Sampling | None:
        """How samples are drawn; None: in file order."""
        return self.sampling if self.shuffle else None
