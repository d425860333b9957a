"""Factors on the learning rate, by epoch."""

from math import cos, pi

from dlhw.config.optimizer import (
    ConstantConfig,
    CosineConfig,
    ExponentialConfig,
    ScheduleConfig,
    StepConfig,
)
from dlhw.config.registry import import_builder


def constant(config: ConstantConfig, epoch: int, epochs: int) -> float:
    """1"""
    return 1.0


def step(config: StepConfig, epoch: int, epochs: int) -> float:
    """gamma ^ floor(epoch / step_size)"""
    return config.gamma ** (epoch // config.step_size)


def exponential(config: ExponentialConfig, epoch: int, epochs: int) -> float:
    """gamma ^ epoch"""
    return config.gamma**epoch


def cosine(config: CosineConfig, epoch: int, epochs: int) -> float:
    """final + (1 - final) (1 + cos(pi epoch / epochs)) / 2    (Loshchilov & Hutter, ICLR 2017)"""
    return config.final + (1 - config.final) * (1 + cos(pi * epoch / epochs)) / 2


def lr_factor(config: ScheduleConfig, epoch: int, epochs: int) -> float:
    """What the learning rate is multiplied by in an epoch.

    Args:
        config: the schedule.
        epoch: counted from 0.
        epochs: epochs planned.
    """
    factor: float = import_builder(config)(config, epoch, epochs)
    return factor
