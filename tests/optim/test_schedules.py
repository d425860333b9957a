"""Schedules against torch.optim.lr_scheduler."""

from collections.abc import Callable

import pytest
import torch
from torch.optim import SGD, Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR, ExponentialLR, LambdaLR, LRScheduler, StepLR

from dlhw.config.optimizer import (
    ConstantConfig,
    CosineConfig,
    ExponentialConfig,
    ScheduleConfig,
    StepConfig,
)
from dlhw.config.options import OPTIONS
from dlhw.optim.schedules import lr_factor

LR, EPOCHS = 0.3, 25
CASES: dict[str, tuple[ScheduleConfig, Callable[[Optimizer], LRScheduler]]] = {
    "constant": (ConstantConfig(), lambda optimizer: LambdaLR(optimizer, lambda epoch: 1.0)),
    "step": (StepConfig(), lambda optimizer: StepLR(optimizer, 10, 0.1)),
    "step-every-epoch": (StepConfig(step_size=1, gamma=0.7), lambda optimizer: StepLR(optimizer, 1, 0.7)),
    "step-late": (StepConfig(step_size=26), lambda optimizer: StepLR(optimizer, 26, 0.1)),
    "exponential": (ExponentialConfig(), lambda optimizer: ExponentialLR(optimizer, 0.95)),
    "exponential-growing": (ExponentialConfig(gamma=1.1), lambda optimizer: ExponentialLR(optimizer, 1.1)),
    "cosine": (CosineConfig(), lambda optimizer: CosineAnnealingLR(optimizer, EPOCHS)),
    "cosine-final": (
        CosineConfig(final=0.2),
        lambda optimizer: CosineAnnealingLR(optimizer, EPOCHS, eta_min=0.2 * LR),
    ),
    "cosine-flat": (
        CosineConfig(final=1.0),
        lambda optimizer: CosineAnnealingLR(optimizer, EPOCHS, eta_min=LR),
    ),
}


def rates_of_torch(make: Callable[[Optimizer], LRScheduler]) -> list[float]:
    """The learning rate of every epoch."""
    optimizer = SGD([torch.zeros(1, requires_grad=True)], lr=LR)
    scheduler, rates = make(optimizer), []
    for _ in range(EPOCHS):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


def test_every_schedule_has_a_config_and_a_case() -> None:
    assert {type(config) for config, _ in CASES.values()} == set(OPTIONS["schedule"].values())


@pytest.mark.parametrize("name", CASES)
def test_the_rate_of_every_epoch_is_that_of_torch(name: str) -> None:
    config, make = CASES[name]
    rates = [LR * lr_factor(config, epoch, EPOCHS) for epoch in range(EPOCHS)]
    assert rates == pytest.approx(rates_of_torch(make), rel=1e-12)


@pytest.mark.parametrize("name", CASES)
def test_the_first_epoch_has_the_rate_that_was_given(name: str) -> None:
    assert lr_factor(CASES[name][0], 0, EPOCHS) == 1


@pytest.mark.parametrize("final", [0.0, 0.2, 1.0])
def test_cosine_would_reach_its_end_after_the_last_epoch(final: float) -> None:
    assert lr_factor(CosineConfig(final=final), EPOCHS, EPOCHS) == pytest.approx(final, abs=1e-15)
