"""The complete config of a run, and the rules that involve several groups."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, fields

from dlhw.config.data import DataConfig, TableConfig, Task
from dlhw.config.experiment import ExperimentConfig
from dlhw.config.fields import observation, of_sweep, per_run
from dlhw.config.group import Group, does_nothing
from dlhw.config.loss import LossName
from dlhw.config.model import LinearConfig
from dlhw.config.model_base import ModelConfig
from dlhw.config.optimizer import ConstantConfig, OptimizerConfig, ScheduleConfig
from dlhw.config.procedure import ProcedureConfig
from dlhw.config.regularizer import RegularizerConfig
from dlhw.config.tracking import TrackingConfig
from dlhw.config.trainer import DType, Metric, TrainerConfig

MAX_SEED = 2**63 - 1
FLOAT32_MAX = (2 - 2**-23) * 2.0**127


@dataclass(kw_only=True)
class TrainConfig(Group):
    """One run. A cohort is a list of these that differ only in fields of role `per_run` or `observation`."""

    name: str = observation("run")
    """folder under runs/ in which the run's own folder is created"""
    seed: int = per_run(0)
    """seed of the random streams split, init, order and dropout; 0 is a seed like any other"""
    loss: LossName = LossName.auto
    """loss that is minimised; auto: follows from the model and the task"""
    model: ModelConfig = field(default_factory=ModelConfig)
    data: DataConfig = field(default_factory=DataConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    regularizer: RegularizerConfig = field(default_factory=RegularizerConfig)
    procedure: ProcedureConfig = field(default_factory=ProcedureConfig)
    trainer: TrainerConfig = field(default_factory=TrainerConfig)
    tracking: TrackingConfig = observation(TrackingConfig)
    experiment: ExperimentConfig | None = of_sweep(None)
    """experiment that the sweep belongs to, with its published numbers: experiment=SOURCE/NAME"""

    def __post_init__(self) -> None:
        """Choose the task of the user's own data if `data.task` is null."""
        if isinstance(self.data, TableConfig) and self.data.task is None:
            losses = self.model.losses if self.loss is LossName.auto else (self.loss,)
            is_regression = all(loss.is_regression for loss in losses)
            self.data.task = Task.regression if is_regression else Task.classification

    def problems(self) -> Iterator[str]:
        if not re.fullmatch(r"[\w.+=,-]+", self.name) or set(self.name) <= {"."}:
            yield f"name must be a plain folder name (letters, digits and . _ - + = ,), got {self.name!r}"
        if not 0 <= self.seed <= MAX_SEED:
            yield f"seed must be an integer from 0 to 2**63 - 1, got {self.seed}"
        for group in (self.model, self.data, self.optimizer, self.schedule, self.regularizer, self.procedure):
            yield from group.problems()
        yield from self.trainer.problems()
        yield from self.tracking.problems()
        if self.experiment is not None:
            yield from self.experiment.problems()
        yield from self._loss_problems()
        yield from self._training_problems()
        yield from self._validation_problems()

    def resolved_loss(self) -> LossName:
        """The loss that is minimised: `loss` itself, or the one that `auto` stands for."""
        if self.loss is not LossName.auto:
            return self.loss
        fitting = [loss for loss in self.model.losses if self._fits_task(loss)]
        return fitting[0] if fitting else self.model.losses[0]

    def _fits_task(self, loss: LossName) -> bool:
        return loss.is_regression == (self.data.task_kind() is Task.regression)

    def _loss_problems(self) -> Iterator[str]:
        loss, allowed = self.resolved_loss(), self.model.losses
        if loss not in allowed:
            yield f"loss must be {' or '.join(allowed)} for model={self.model.name}, got {loss}"
        elif not self._fits_task(loss):
            yield (
                f"loss={loss} does not fit data={self.data.name}: its targets are those of "
                f"{self.data.task_kind()}{self._other_task(loss)}"
            )
        elif (kept := self.data.num_classes_kept()) is not None:
            yield from class_count_problems(loss, kept)

    def _other_task(self, loss: LossName) -> str:
        """The remedy if the file's targets can be read as either."""
        task = Task.regression if loss.is_regression else Task.classification
        return f"; data.task={task} reads them as such" if hasattr(self.data, "task") else ""

    def _training_problems(self) -> Iterator[str]:
        if self.trainer.dtype is DType.float32:
            for name in ("model", "optimizer", "schedule", "regularizer"):
                yield from beyond_float32(getattr(self, name), name)
        if self.model.has_thresholds() and self.trainer.epochs > 0:
            yield (
                f"trainer.epochs must be 0 for model={self.model.name} with step or sign units, which no "
                f"gradient passes: it can only be evaluated, got {self.trainer.epochs}"
            )
        if self.optimizer.is_closed_form:
            yield from self._solver_problems()
            if not isinstance(self.schedule, ConstantConfig):
                yield does_nothing(f"schedule={self.schedule.name}", "an optimizer that takes steps")
        if self.trainer.checkpoint_every is not None and not self.tracking.checkpoints:
            yield "trainer.checkpoint_every needs tracking.checkpoints=true, got false"

    def _solver_problems(self) -> Iterator[str]:
        chosen = f"optimizer={self.optimizer.name}"
        if not self.model.has_closed_form():
            biased = " with bias" if isinstance(self.model, LinearConfig) else ""
            yield f"{chosen} solves model=linear with model.bias=false, got model={self.model.name}{biased}"
        if self.regularizer.name != "none":
            yield f"{chosen} takes no regularizer (optimizer=ridge has its own), got {self.regularizer.name}"

    def _validation_problems(self) -> Iterator[str]:
        has_val = self.data.has_own_val() or self.data.split.val != 0
        if self.trainer.early_stopping.patience is not None and not has_val:
            yield "trainer.early_stopping.patience needs a validation split, got data.split.val=0"
        if self.trainer.select_by is not Metric.auto and not has_val:
            yield does_nothing(
                f"trainer.select_by={self.trainer.select_by}", "a validation split, got data.split.val=0"
            )
        if self.data.task_kind() is Task.regression:
            for key in ("early_stopping.metric", "select_by"):
                holder = self.trainer.early_stopping if "." in key else self.trainer
                if getattr(holder, key.split(".")[-1]) is Metric.accuracy:
                    yield f"trainer.{key} must be loss for regression, got accuracy"
        if self.data.has_own_test() and self.data.split.test not in (None, 0):
            yield (
                f"data.split.test must be null or 0 for data={self.data.name}, which has a test set of its "
                f"own, got {self.data.split.test}"
            )

    def data_seed(self) -> int | None:
        """The seed of everything random in the data; None if nothing is."""
        return self.data.seed_for(self.seed)


def beyond_float32(group: Group, prefix: str) -> Iterator[str]:
    """Problems of numbers that float32 can only represent as infinity."""
    for spec in fields(group):
        key, value = f"{prefix}.{spec.name}", getattr(group, spec.name)
        if isinstance(value, Group):
            yield from beyond_float32(value, key)
        elif isinstance(value, int | float) and math.isfinite(value) and abs(value) > FLOAT32_MAX:
            yield (
                f"{key}={value} is beyond the range of trainer.dtype=float32 (at most {FLOAT32_MAX:.3g}); "
                "trainer.dtype=float64 can represent it"
            )


def class_count_problems(loss: LossName, num_classes: int) -> Iterator[str]:
    """Problem if the loss does not work with this number of classes."""
    if loss.is_binary and num_classes != 2:
        yield (
            f"loss={loss} needs 2 classes, the data has {num_classes}: "
            "choose two with data.classes=[a,b], or another model or loss"
        )
