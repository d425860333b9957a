"""Learning rate schedules: the factor on the learning rate in each epoch, counted from 0."""

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
    """factor = 1

    >>> constant(ConstantConfig(), 5, 10)
    1.0
    """
    return 1.0


def step(config: StepConfig, epoch: int, epochs: int) -> float:
    """factor = gamma ^ floor(epoch / step_size), as torch's StepLR

    >>> step(StepConfig(step_size=2, gamma=0.5), 5, 10)
    0.25
    """
    return config.gamma ** (epoch // config.step_size)


def exponential(config: ExponentialConfig, epoch: int, epochs: int) -> float:
    """factor = gamma ^ epoch, as torch's ExponentialLR

    >>> exponential(ExponentialConfig(gamma=0.5), 2, 10)
    0.25
    """
    return config.gamma**epoch


def cosine(config: CosineConfig, epoch: int, epochs: int) -> float:
    """factor = final + (1 - final) (1 + cos(pi epoch / epochs)) / 2, as torch's CosineAnnealingLR

    Source: Loshchilov & Hutter, ICLR 2017, without restarts.

    >>> round(cosine(CosineConfig(final=0.0), 5, 10), 6)
    0.5
    """
    return config.final + (1 - config.final) * (1 + cos(pi * epoch / epochs)) / 2


def lr_factor(config: ScheduleConfig, epoch: int, epochs: int) -> float:
    """Factor on the learning rate in one epoch.

    Args:
        config: the schedule.
        epoch: counted from 0.
        epochs: number of epochs planned.

    >>> lr_factor(StepConfig(step_size=1, gamma=0.5), 1, 10)
    0.5
    """
    factor: float = import_builder(config)(config, epoch, epochs)
    return factor
