"""Kinks and ties: where a derivative is a choice, dlhw chooses as PyTorch does; these tests document the choice."""

import pytest
import torch
from layer_cases import PASSES, Case, context
from torch import Generator, Tensor

from dlhw.nn.activations import ReLU
from dlhw.nn.containers import Sequential
from dlhw.nn.gradcheck import check_layers
from dlhw.nn.losses import PerceptronLoss
from dlhw.nn.pooling import MaxPool2d, Pool2d

each_way = pytest.mark.parametrize(
    ("way", "reuse"), [("manual", False), ("manual", True), ("autograd", False)]
)


def doubles(values: object) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


@each_way
def test_relu_has_slope_zero_at_zero(way: str, reuse: bool) -> None:
    x = doubles([[[-1.0, -0.0, 0.0, 5e-324, 1.0]]])
    passed = Case(ReLU(), {}, x, torch.full_like(x, 3.0)).pass_through(context(reuse=reuse), way=way)
    assert passed["out"].flatten().tolist() == [0, 0, 0, 5e-324, 1]
    assert passed["input"].flatten().tolist() == [0, 0, 0, 3, 3]


def equal_image(layer: Pool2d, way: str) -> list[list[float]]:
    """Gradient of an image of ones, cotangents 1, 2, 3, 4 of its four windows."""
    x = torch.ones(1, 1, 1, 4, 4, dtype=torch.float64)
    dout = doubles([[1.0, 2], [3, 4]]).view(1, 1, 1, 2, 2)
    return Case(layer, {}, x, dout).pass_through(way=way)["input"].squeeze().tolist()


@pytest.mark.parametrize("way", PASSES)
def test_of_equal_values_the_first_takes_the_whole_gradient(way: str) -> None:
    expected = [[1, 0, 2, 0], [0, 0, 0, 0], [3, 0, 4, 0], [0, 0, 0, 0]]
    assert equal_image(MaxPool2d(2), way) == expected


@pytest.mark.parametrize("way", PASSES)
def test_of_equal_values_in_overlapping_windows_each_first_takes_its_own(way: str) -> None:
    expected = [[1, 2, 0, 0], [3, 4, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    assert equal_image(MaxPool2d(3, stride=1), way) == expected


@pytest.mark.parametrize("way", PASSES)
def test_a_pixel_that_is_the_maximum_of_many_windows_takes_the_sum(way: str) -> None:
    x = torch.zeros(1, 1, 1, 4, 4, dtype=torch.float64)
    x[..., 1, 2] = 1
    dout = doubles([[1.0, 2], [3, 4]]).view(1, 1, 1, 2, 2)
    passed = Case(MaxPool2d(3, stride=1), {}, x, dout).pass_through(way=way)
    assert passed["input"][..., 1, 2].item() == 10
    assert passed["input"].count_nonzero() == 1


def test_probes_across_a_kink_are_counted_and_left_out() -> None:
    x_1N = doubles([[[-1.0, 0.0, 1.0], [0.0, 2.0, -3.0]]])
    generator = Generator().manual_seed(0)
    (check,) = check_layers(
        Sequential({"relu": ReLU()}, (3,)), x_1N, num_runs=2, probes=100, generator=generator
    )
    assert (check.probes, check.kinks) == (8, 4)
    assert check.passes(1e-9, 1e-6)


def test_probes_across_a_tie_are_counted_and_left_out() -> None:
    x_1N = torch.tensor([[1.0, 1, 0, -1]], dtype=torch.float64).view(1, 1, 1, 2, 2)
    model, generator = Sequential({"pool": MaxPool2d(2)}, (1, 2, 2)), Generator().manual_seed(0)
    (check,) = check_layers(model, x_1N, num_runs=1, probes=100, generator=generator)
    assert (check.probes, check.kinks) == (2, 2)
    assert check.passes(1e-9, 1e-6)


@pytest.mark.parametrize("label", [0, 1, 2])
def test_perceptron_of_equal_outputs_predicts_the_first_class(label: int) -> None:
    loss, out, target = PerceptronLoss(), torch.zeros(1, 1, 3, dtype=torch.float64), torch.tensor([[label]])
    expected = torch.zeros(3)
    expected[0] += 1
    expected[label] -= 1
    assert loss.predict(out).tolist() == [[0]]
    assert loss.forward(out, target).tolist() == [0]
    assert loss.backward(out, target).flatten().tolist() == expected.tolist()


@pytest.mark.parametrize("label", [0, 1, 2])
def test_perceptron_autograd_breaks_ties_alike(label: int) -> None:
    loss, target = PerceptronLoss(), torch.tensor([[label]])
    out = doubles([[[1.0, 2.0, 2.0]]]).requires_grad_()
    (reference,) = torch.autograd.grad(loss.forward(out, target).sum(), [out])
    assert loss.backward(out.detach(), target).tolist() == reference.tolist()
