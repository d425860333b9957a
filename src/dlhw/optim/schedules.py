"""Factors on the learning rate, by epoch."""

from collections.abc import Callable
from math import cos, pi
from typing import Any

from dlhw.config.optimizer import (
    ConstantConfig,
    CosineConfig,
    ExponentialConfig,
    ScheduleConfig,
    StepConfig,
)


def _constant(config: ConstantConfig, epoch: int, epochs: int) -> float:
    """1"""
    return 1.0


def _step(config: StepConfig, epoch: int, epochs: int) -> float:
    """gamma ^ floor(epoch / step_size)"""
    return config.gamma ** (epoch // config.step_size)


def _exponential(config: ExponentialConfig, epoch: int, epochs: int) -> float:
    """gamma ^ epoch"""
    return config.gamma**epoch


def _cosine(config: CosineConfig, epoch: int, epochs: int) -> float:
    """final + (1 - final) (1 + cos(pi epoch / epochs)) / 2    (Loshchilov & Hutter, ICLR 2017)"""
    return config.final + (1 - config.final) * (1 + cos(pi * epoch / epochs)) / 2


SCHEDULES: dict[type[ScheduleConfig], Callable[[Any, int, int], float]] = {
    ConstantConfig: _constant,
    StepConfig: _step,
    ExponentialConfig: _exponential,
    CosineConfig: _cosine,
}


def lr_factor(config: ScheduleConfig, epoch: int, epochs: int) -> float:
    """What the learning rate is multiplied by in an epoch.

    Args:
        config: the schedule.
        epoch: counted from 0.
        epochs: epochs planned.
    """
    return SCHEDULES[type(config)](config, epoch, epochs)
