"""Penalties: formulas, conventions, and which parameters they fall on."""

from collections.abc import Sequence

import pytest
import torch
from torch import Generator, Tensor

from dlhw.config.options import OPTIONS
from dlhw.config.regularizer import (
    Convention,
    L1Config,
    L2Config,
    NoRegularizerConfig,
    On,
    PenaltyConfig,
    RegularizerConfig,
)
from dlhw.nn.gradcheck import check_regularizer
from dlhw.nn.linear import Affine
from dlhw.nn.parameters import ParameterLayout
from dlhw.optim.regularizers import Regularizer, build_regularizer

ALPHAS = (0.5, 0.0, 1e-3)
LAYOUT = ParameterLayout({"fc1": Affine(3, 4).specs(), "fc2": Affine(4, 2).specs()})
FACTORS = {Convention.half: (0.5, 1.0), Convention.full: (1.0, 2.0)}


def l2(convention: Convention, on: On) -> list[PenaltyConfig]:
    return [L2Config(alpha=alpha, convention=convention, on=on) for alpha in ALPHAS]


CASES: dict[str, list[PenaltyConfig]] = {
    **{f"l2-{convention}-{on}": l2(convention, on) for convention in Convention for on in On},
    **{f"l1-{on}": [L1Config(alpha=alpha, on=on) for alpha in ALPHAS] for on in On},
}
every_case = pytest.mark.parametrize("name", CASES)


def random_flat(seed: int) -> Tensor:
    """Numbers for every parameter (R, P); the gaps are zero."""
    flat_RP = LAYOUT.zeros(len(ALPHAS), torch.float64, torch.device("cpu"))
    generator = Generator().manual_seed(seed)
    for _, view in LAYOUT.named(flat_RP):
        view.normal_(generator=generator)
    return flat_RP


def built(configs: Sequence[RegularizerConfig]) -> Regularizer:
    return build_regularizer(configs, LAYOUT, random_flat(0))


def expected(config: PenaltyConfig, parameters: dict[str, Tensor]) -> tuple[float, dict[str, Tensor]]:
    """One run's value and gradient, parameter by parameter."""
    on = {name: config.on is On.all or name.endswith("weight") for name in parameters}
    if isinstance(config, L2Config):
        value, slope = FACTORS[config.convention]
        values = {name: value * w.square().sum() for name, w in parameters.items()}
        gradients = {name: slope * w for name, w in parameters.items()}
    else:
        values = {name: w.abs().sum() for name, w in parameters.items()}
        gradients = {name: w.sign() for name, w in parameters.items()}
    total = sum(float(values[name]) * on[name] for name in parameters)
    return config.alpha * total, {name: config.alpha * on[name] * g for name, g in gradients.items()}


def test_every_regularizer_has_a_config_and_a_case() -> None:
    checked = {type(config) for configs in CASES.values() for config in configs}
    assert {*checked, NoRegularizerConfig} == set(OPTIONS["regularizer"].values())


@pytest.mark.parametrize("run", range(len(ALPHAS)))
@every_case
def test_value_and_gradient_follow_the_formula(name: str, run: int) -> None:
    params_RP, before_RP = random_flat(1), random_flat(2)
    regularizer, after_RP = built(CASES[name]), before_RP.clone()
    regularizer.add_gradient(params_RP, after_RP)
    value, gradients = expected(CASES[name][run], LAYOUT.of_run(params_RP, run))
    assert regularizer.penalty(params_RP)[run].item() == pytest.approx(value, rel=1e-14)
    before = LAYOUT.of_run(before_RP, run)
    torch.testing.assert_close(
        LAYOUT.of_run(after_RP, run), {key: before[key] + gradients[key] for key in before}
    )


@pytest.mark.parametrize("seed", [0, 1])
@every_case
def test_gradients_are_those_of_autograd_and_of_differences(name: str, seed: int) -> None:
    generator = Generator().manual_seed(seed)
    check = check_regularizer(
        built(CASES[name]), LAYOUT, num_runs=len(ALPHAS), probes=50, generator=generator
    )
    assert check.passes(1e-9, 1e-6), check
    assert check.probes > 0


@pytest.mark.parametrize("name", [name for name in CASES if name.endswith("weights")])
def test_on_weights_leaves_the_gradients_of_biases_exactly_as_they_are(name: str) -> None:
    before_RP = random_flat(2)
    after_RP = before_RP.clone()
    built(CASES[name]).add_gradient(random_flat(1), after_RP)
    split = LAYOUT.num_flat_weights
    assert torch.equal(after_RP[:, split:], before_RP[:, split:])
    assert not torch.equal(after_RP[:, :split], before_RP[:, :split])


@every_case
def test_alpha_zero_leaves_everything_exactly_as_it_is(name: str) -> None:
    before_RP = random_flat(2)
    after_RP, regularizer = before_RP.clone(), built(CASES[name])
    regularizer.add_gradient(random_flat(1), after_RP)
    assert torch.equal(after_RP[1], before_RP[1])
    assert regularizer.penalty(random_flat(1))[1] == 0


@every_case
def test_parameters_and_gaps_are_not_changed(name: str) -> None:
    params_RP, grads_RP = random_flat(1), torch.zeros_like(random_flat(0))
    built(CASES[name]).add_gradient(params_RP, grads_RP)
    assert torch.equal(params_RP, random_flat(1))
    assert not grads_RP[params_RP == 0].any()


@every_case
def test_a_run_that_is_nan_leaves_the_others_as_they_are(name: str) -> None:
    params_RP, regularizer = random_flat(1), built(CASES[name])
    value, gradient = regularizer.penalty(params_RP), torch.zeros_like(params_RP)
    regularizer.add_gradient(params_RP, gradient)
    params_RP[0] = torch.nan
    bad_value, bad_gradient = regularizer.penalty(params_RP), torch.zeros_like(params_RP)
    regularizer.add_gradient(params_RP, bad_gradient)
    assert bad_value[0].isnan()
    assert torch.equal(bad_value[1:], value[1:])
    assert torch.equal(bad_gradient[1:], gradient[1:])


@pytest.mark.parametrize("zero", [0.0, -0.0])
def test_l1_pulls_on_nothing_at_zero_as_autograd(zero: float) -> None:
    params_RP = torch.full_like(random_flat(0), zero).requires_grad_()
    regularizer, grads_RP = built([L1Config(alpha=1.0)] * 3), torch.zeros_like(random_flat(0))
    (reference_RP,) = torch.autograd.grad(regularizer.penalty(params_RP).sum(), [params_RP])
    regularizer.add_gradient(params_RP.detach(), grads_RP)
    assert not grads_RP.any()
    assert torch.equal(grads_RP, reference_RP)


def test_no_regularizer_does_nothing() -> None:
    grads_RP, regularizer = random_flat(2), built([NoRegularizerConfig()] * 3)
    regularizer.add_gradient(random_flat(1), grads_RP)
    assert torch.equal(grads_RP, random_flat(2))
    assert regularizer.penalty(random_flat(1)).tolist() == [0, 0, 0]
