"""Every option of every config group, by group and name."""

# ruff: noqa: I001  # importing these modules registers their options, in the order in which help lists them
from collections.abc import Mapping

from dlhw.config import model, model_graph, data, data_generated, optimizer, procedure, regularizer
from dlhw.config.registry import Option

_BASES: dict[str, type[Option]] = {
    "model": model.ModelConfig,
    "data": data.DataConfig,
    "optimizer": optimizer.OptimizerConfig,
    "schedule": optimizer.ScheduleConfig,
    "regularizer": regularizer.RegularizerConfig,
    "procedure": procedure.ProcedureConfig,
}
OPTIONS: Mapping[str, Mapping[str, type[Option]]] = {group: base.options for group, base in _BASES.items()}

__all__ = ["OPTIONS", "data_generated", "model_graph"]
