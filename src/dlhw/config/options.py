"""Every option of every config group, by group and name."""

# ruff: noqa: I001  # importing these modules registers their options, in the order in which help lists them
from collections.abc import Mapping

from dlhw.config import model, model_graph, data, data_generated, optimizer, procedure, regularizer
from dlhw.config.group import Group
from dlhw.config.registry import Option
from dlhw.config.tracking import TrackingConfig
from dlhw.config.trainer import TrainerConfig

_BASES: dict[str, type[Option]] = {
    "model": model.ModelConfig,
    "data": data.DataConfig,
    "optimizer": optimizer.OptimizerConfig,
    "schedule": optimizer.ScheduleConfig,
    "regularizer": regularizer.RegularizerConfig,
    "procedure": procedure.ProcedureConfig,
}
OPTIONS: Mapping[str, Mapping[str, type[Option]]] = {group: base.options for group, base in _BASES.items()}
# Groups with a single option, `default`, which is always chosen.
SINGLE_OPTIONS: Mapping[str, type[Group]] = {"trainer": TrainerConfig, "tracking": TrackingConfig}

__all__ = ["OPTIONS", "SINGLE_OPTIONS", "data_generated", "model_graph"]
