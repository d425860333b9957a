"""Update rules against torch.optim, with one optimizer of PyTorch for each run."""

from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import torch
from torch import Generator, Tensor

from dlhw.config.optimizer import (
    AdamConfig,
    AdamWConfig,
    MinNormConfig,
    RidgeConfig,
    RMSpropConfig,
    SGDConfig,
    SolverConfig,
    UpdateRuleConfig,
)
from dlhw.config.options import OPTIONS
from dlhw.config.registry import import_builder
from dlhw.nn.linear import Affine
from dlhw.nn.parameters import ParameterLayout
from dlhw.optim.optimizers import Optimizer, build_optimizer, column

SIZE, STEPS = 40, 30
# Difference relative to the largest parameter. Measured: 6.3e-16 in float64, 7e-7 in float32.
TOLERANCES = {torch.float64: 1e-12, torch.float32: 5e-6}


@dataclass(frozen=True)
class Case:
    """Runs that differ in every number that may differ; the options have PyTorch's names."""

    config: type[UpdateRuleConfig]
    torch_rule: type[torch.optim.Optimizer]
    runs: list[dict[str, Any]]
    shared: dict[str, Any] = field(default_factory=dict)

    @property
    def configs(self) -> list[UpdateRuleConfig]:
        return [self.config(**run, **self.shared) for run in self.runs]


def table(names: str, *rows: tuple[float | list[float], ...]) -> list[dict[str, Any]]:
    """One run a row; run 2 always has lr 0."""
    return [dict(zip(names.split(), row, strict=True)) for row in rows]


ADAM = table(
    "lr betas eps",
    *[
        (1e-3, [0.9, 0.999], 1e-8),
        (0.1, [0.5, 0.9], 1e-8),
        (0.0, [0.9, 0.99], 1e-8),
        (0.01, [0.0, 0.99], 1e-3),
    ],
)
RMSPROP = table("lr alpha eps", (0.01, 0.99, 1e-8), (0.1, 0.9, 1e-6), (0.0, 0.5, 1e-3), (0.02, 0.3, 0.1))
RMSPROP_MOMENTUM = [run | {"momentum": m} for run, m in zip(RMSPROP, (0.9, 0.0, 0.5, 0.99), strict=True)]
CASES = {
    "sgd": Case(SGDConfig, torch.optim.SGD, table("lr", (0.1,), (1.0,), (0.0,), (1e-3,))),
    "sgd-momentum": Case(
        SGDConfig, torch.optim.SGD, table("lr momentum", (0.1, 0.9), (0.2, 0.0), (0.0, 0.5), (1e-3, 0.99))
    ),
    "sgd-nesterov": Case(
        SGDConfig,
        torch.optim.SGD,
        table("lr momentum", (0.1, 0.9), (0.2, 0.1), (0.0, 0.5), (1e-3, 0.99)),
        {"nesterov": True},
    ),
    "adam": Case(AdamConfig, torch.optim.Adam, ADAM),
    "adamw": Case(
        AdamWConfig,
        torch.optim.AdamW,
        [run | {"weight_decay": w} for run, w in zip(ADAM, (0.01, 0.0, 0.5, 0.3), strict=True)],
    ),
    "rmsprop": Case(RMSpropConfig, torch.optim.RMSprop, RMSPROP),
    "rmsprop-momentum": Case(RMSpropConfig, torch.optim.RMSprop, RMSPROP_MOMENTUM),
    "rmsprop-centered": Case(RMSpropConfig, torch.optim.RMSprop, RMSPROP, {"centered": True}),
    "rmsprop-centered-momentum": Case(
        RMSpropConfig, torch.optim.RMSprop, RMSPROP_MOMENTUM, {"centered": True}
    ),
}
every_case = pytest.mark.parametrize("name", CASES)


def lr_factor(step: int) -> float:
    """Another learning rate at every step, as under a schedule."""
    return 1 + 0.5 * (step % 3)


def our_path(configs: list[UpdateRuleConfig], params_RP: Tensor, grads_TRP: Tensor) -> Tensor:
    """Parameters after every step, (T, R, P)."""
    optimizer, path = build_optimizer(configs, params_RP), []
    for step, grads_RP in enumerate(grads_TRP):
        optimizer.step(grads_RP, column([config.lr * lr_factor(step) for config in configs], params_RP))
        path.append(params_RP.clone())
    return torch.stack(path)


def torch_path(case: Case, run: int, start_P: Tensor, grads_TP: Tensor) -> Tensor:
    """The same of one run, by torch: (T, P)."""
    parameter, path = start_P.clone().requires_grad_(), []
    optimizer = case.torch_rule([parameter], **case.runs[run], **case.shared)
    for step, parameter.grad in enumerate(grads_TP):
        optimizer.param_groups[0]["lr"] = case.runs[run]["lr"] * lr_factor(step)
        optimizer.step()
        path.append(parameter.detach().clone())
    return torch.stack(path)


def random_start(case: Case, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    """Parameters (R, P) and gradients (T, R, P)."""
    generator, runs = Generator().manual_seed(0), len(case.runs)
    params_RP = torch.randn(runs, SIZE, generator=generator, dtype=torch.float64)
    grads_TRP = torch.randn(STEPS, runs, SIZE, generator=generator, dtype=torch.float64)
    return params_RP.to(dtype), grads_TRP.to(dtype)


RULES = {config for config in OPTIONS["optimizer"].values() if not issubclass(config, SolverConfig)}


def test_every_rule_has_a_config_and_a_case() -> None:
    assert {case.config for case in CASES.values()} == RULES


def test_every_rule_that_exists_is_registered() -> None:
    def descendants(base: type) -> set[type]:
        return {base}.union(*map(descendants, base.__subclasses__()))

    rules = {rule for rule in descendants(Optimizer) if rule.__module__.startswith("dlhw.")}
    assert rules - {Optimizer} == {import_builder(config) for config in RULES}


@pytest.mark.parametrize("name", CASES)
def test_a_rule_keeps_no_more_state_than_its_config_says(name: str) -> None:
    config = CASES[name].config(**CASES[name].runs[0])
    optimizer = build_optimizer([config], torch.ones(1, SIZE))
    optimizer.step(torch.ones(1, SIZE), torch.ones(1, 1))
    assert len(optimizer.state) <= config.state_copies()


@pytest.mark.parametrize("config", [MinNormConfig(), RidgeConfig()])
def test_a_solver_is_no_update_rule(config: SolverConfig) -> None:
    with pytest.raises(AssertionError, match=f"optimizer={config.name} takes no steps"):
        build_optimizer([config], torch.zeros(1, SIZE))
    assert config.lr == 0


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@every_case
def test_every_step_is_that_of_torch(name: str, dtype: torch.dtype) -> None:
    case = CASES[name]
    params_RP, grads_TRP = random_start(case, dtype)
    expected = [torch_path(case, run, params_RP[run], grads_TRP[:, run]) for run in range(len(case.runs))]
    path_TRP = our_path(case.configs, params_RP, grads_TRP)
    scale_TRP = torch.stack(expected, 1).abs().amax(2, keepdim=True)
    difference_TRP = (path_TRP - torch.stack(expected, 1)).abs() / scale_TRP
    assert float(difference_TRP.max()) <= TOLERANCES[dtype]


@every_case
def test_a_learning_rate_of_zero_leaves_a_run_exactly_as_it_is(name: str) -> None:
    params_RP, grads_TRP = random_start(CASES[name])
    start_P = params_RP[2].clone()
    path_TRP = our_path(CASES[name].configs, params_RP, grads_TRP)
    assert torch.equal(path_TRP[-1, 2], start_P)
    assert not torch.equal(path_TRP[-1, 1], path_TRP[-2, 1])


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
@every_case
def test_a_run_that_diverges_leaves_the_others_as_they_are(name: str, bad: float) -> None:
    params_RP, grads_TRP = random_start(CASES[name])
    expected = our_path(CASES[name].configs, params_RP.clone(), grads_TRP)
    grads_TRP[5, 1] = bad
    path_TRP = our_path(CASES[name].configs, params_RP, grads_TRP)
    others = [run for run in range(len(CASES[name].runs)) if run != 1]
    assert not path_TRP[-1, 1].isfinite().any()
    assert torch.equal(path_TRP[:, others], expected[:, others])


@every_case
def test_a_run_of_a_cohort_takes_the_steps_it_takes_alone(name: str) -> None:
    case = CASES[name]
    params_RP, grads_TRP = random_start(case)
    alone = [
        our_path([config], params_RP[run : run + 1].clone(), grads_TRP[:, run : run + 1])
        for run, config in enumerate(case.configs)
    ]
    torch.testing.assert_close(
        our_path(case.configs, params_RP, grads_TRP), torch.cat(alone, 1), rtol=1e-12, atol=1e-12
    )


@every_case
def test_a_step_leaves_the_gradients_as_they_are(name: str) -> None:
    params_RP, grads_TRP = random_start(CASES[name])
    before = grads_TRP.clone()
    our_path(CASES[name].configs, params_RP, grads_TRP)
    assert torch.equal(grads_TRP, before)


@every_case
def test_state_is_all_that_a_rule_remembers(name: str) -> None:
    """A rule with the state and the step count of another takes the same steps as the other."""
    configs = CASES[name].configs
    params_RP, grads_TRP = random_start(CASES[name])
    first, lr_R1 = build_optimizer(configs, params_RP), column([config.lr for config in configs], params_RP)
    for grads_RP in grads_TRP[:5]:
        first.step(grads_RP, lr_R1)
    second = build_optimizer(configs, params_RP.clone())
    second.steps, second.state = first.steps, {name: value.clone() for name, value in first.state.items()}
    for grads_RP in grads_TRP[5:]:
        first.step(grads_RP, lr_R1)
        second.step(grads_RP, lr_R1)
    assert (first.steps, second.steps) == (STEPS, STEPS)
    assert torch.equal(first.params_RP, second.params_RP)


@every_case
def test_the_state_of_a_run_is_what_it_would_have_alone(name: str) -> None:
    configs = CASES[name].configs
    params_RP, grads_TRP = random_start(CASES[name])
    together = build_optimizer(configs, params_RP.clone())
    alone = [build_optimizer([config], params_RP[run : run + 1]) for run, config in enumerate(configs)]
    for grads_RP in grads_TRP:
        together.step(grads_RP, column([0.1] * len(configs), grads_RP))
        for run, optimizer in enumerate(alone):
            optimizer.step(grads_RP[run : run + 1], column([0.1], grads_RP))
    states = [together.state_dict(run) for run in range(len(configs))]
    torch.testing.assert_close(
        states, [optimizer.state_dict(0) for optimizer in alone], rtol=1e-12, atol=1e-12
    )


@every_case
def test_gaps_of_the_flat_buffer_stay_zero(name: str) -> None:
    configs = [replace(config, lr=0.1) for config in CASES[name].configs]
    layout = ParameterLayout({"fc": Affine(3, 3).specs()})
    flat_RP, grads_RP = (layout.zeros(len(configs), torch.float64, torch.device("cpu")) for _ in range(2))
    for _, view in (*layout.named(flat_RP), *layout.named(grads_RP)):
        view.fill_(1)
    gaps = flat_RP == 0
    our_path(configs, flat_RP, grads_RP.expand(STEPS, -1, -1) * torch.arange(1, STEPS + 1).view(-1, 1, 1))
    assert gaps.any()
    assert not flat_RP[gaps].any()
    assert (flat_RP[~gaps] != 1).all()
