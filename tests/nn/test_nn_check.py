"""The gradient check on right, wrong, zero and not finite gradients."""

from math import inf, isnan, nan
from typing import Any

import pytest
import torch
from torch import Generator, Tensor

from dlhw.nn.activations import ReLU, Sigmoid
from dlhw.nn.containers import Sequential
from dlhw.nn.dropout import Dropout
from dlhw.nn.gradcheck import GradientCheck, check_layers, check_loss, check_model, compare, largest_error
from dlhw.nn.linear import Affine
from dlhw.nn.losses import CrossEntropy, SquaredError


def compared(
    manual: list[float], reference: list[float], slope: float = 1.0, *, probes: int = 3
) -> GradientCheck:
    """Compare gradients of `slope * sum(variable)`."""
    variable = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
    generator = Generator().manual_seed(0)
    manual_gradient, reference_gradient = (
        torch.tensor(values, dtype=torch.float64) for values in (manual, reference)
    )
    return compare(
        "x",
        manual_gradient,
        reference_gradient,
        lambda: (slope * variable.sum(), []),
        variable,
        probes,
        generator,
    )


def test_equal_gradients_pass() -> None:
    check = compared([1, 1, 1], [1, 1, 1])
    assert check.passes(1e-9, 1e-6)
    assert (check.error, check.probes, check.kinks, check.scale) == (0, 3, 0, 1)


def test_error_is_relative_to_the_largest_gradient() -> None:
    assert compared([4, 2, 1], [4, 2, 2]).error == 0.25


def test_agreement_with_autograd_alone_is_not_enough() -> None:
    check = compared([1, 1, 1], [1, 1, 1], slope=2)
    assert check.error == 0
    assert check.difference_error == pytest.approx(1)
    assert not check.passes(1e-9, 1e-6)


def test_a_gradient_of_zero_never_passes() -> None:
    check = compared([0, 0, 0], [0, 0, 0], slope=0)
    assert check.error == inf
    assert not check.passes(1e300, 1e300)


@pytest.mark.parametrize("position", [0, 1, 2])
@pytest.mark.parametrize("probes", [0, 3])
def test_a_gradient_of_nan_never_passes(position: int, probes: int) -> None:
    manual = [1.0, 1.0, 1.0]
    manual[position] = nan
    assert not compared(manual, [1, 1, 1], probes=probes).passes(1e300, 1e300)
    assert not compared([1, 1, 1], manual, probes=probes).passes(1e300, 1e300)


@pytest.mark.parametrize("bad", [1.0, 2.0, 3.0])
def test_a_difference_of_nan_never_passes(bad: float) -> None:
    variable = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)

    def value() -> tuple[Tensor, list[Tensor]]:
        moved = variable[int(bad) - 1] != bad
        return variable.sum() * (nan if moved else 1), []

    ones = torch.ones(3, dtype=torch.float64)
    check = compare("x", ones, ones, value, variable, 3, Generator().manual_seed(0))
    assert isnan(check.difference_error)
    assert not check.passes(1e300, 1e300)


def test_without_probes_autograd_decides() -> None:
    check = compared([1, 1, 1], [1, 1, 1], slope=2, probes=0)
    assert isnan(check.difference_error)
    assert check.passes(1e-9, 1e-6)


def test_probes_leave_the_variable_as_it_was() -> None:
    variable = torch.tensor([0.1, 0.2, 0.3], dtype=torch.float64)
    before = variable.clone()
    gradient = torch.ones(3, dtype=torch.float64)
    compare("x", gradient, gradient, lambda: (variable.sum(), []), variable, 3, Generator().manual_seed(0))
    assert torch.equal(variable, before)


@pytest.mark.parametrize(
    ("errors", "worst"),
    [([1e-3, 1.0, 1e-9], 1), ([nan, 1.0, 2.0], 0), ([1.0, 2.0, nan], 2), ([1.0, inf, 2.0], 1)],
)
def test_the_largest_error_is_the_worst_even_if_it_is_nan(errors: list[float], worst: int) -> None:
    checks = [GradientCheck(str(error), error, 0.0, 1, 0, 1.0) for error in errors]
    assert largest_error(checks) is checks[worst]


def test_a_layer_whose_gradient_is_zero_fails() -> None:
    class Flat(Sigmoid):
        def forward(self, params: Any, x: Tensor, ctx: Any) -> tuple[Tensor, Tensor]:
            return x * 0, x * 0

    generator = Generator().manual_seed(0)
    x_1N = torch.randn(1, 2, 3, generator=generator, dtype=torch.float64)
    (check,) = check_layers(
        Sequential({"flat": Flat()}, (3,)), x_1N, num_runs=1, probes=3, generator=generator
    )
    assert not check.passes(1e-9, 1e-6)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("rate", [0.0, 0.8])
def test_units_that_are_off_in_one_draw_are_checked_in_another(rate: float, seed: int) -> None:
    dropout = Dropout(torch.tensor([rate]))
    layers = {"fc1": Affine(3, 1), "relu1": ReLU(), "dropout1": dropout, "fc2": Affine(1, 1), "relu2": ReLU()}
    generator = Generator().manual_seed(seed)
    x_1N = torch.rand(1, 4, 3, generator=generator, dtype=torch.float64)
    checks = check_layers(Sequential(layers, (3,)), x_1N, num_runs=1, probes=5, generator=generator)
    assert [check for check in checks if not check.passes(1e-9, 1e-6)] == []


def test_a_loss_of_one_class_has_nothing_to_check_and_fails() -> None:
    check = check_loss(CrossEntropy(), 1, num_runs=1, probes=3, generator=Generator().manual_seed(0))
    assert not check.passes(1e-9, 1e-6)


def test_a_model_is_checked_at_every_parameter_the_input_and_the_loss() -> None:
    model = Sequential({"fc1": Affine(3, 4), "sigmoid1": Sigmoid(), "fc2": Affine(4, 2)}, (3,))
    x_1N = torch.randn(1, 5, 3, generator=Generator().manual_seed(0), dtype=torch.float64)
    checks = check_model(model, SquaredError(1.0), x_1N, num_runs=2, probes=5, seed=1)
    names = ["input", "fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias", "loss"]
    assert [check.name for check in checks] == names
    assert all(check.passes(1e-9, 1e-6) for check in checks)
    assert checks == check_model(model, SquaredError(1.0), x_1N, num_runs=2, probes=5, seed=1)
