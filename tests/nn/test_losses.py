"""Losses against torch's, at their extremes, and run by run."""

from collections.abc import Callable

import pytest
import torch
from layer_cases import RUNS, assert_same
from torch import Generator, Tensor
from torch.nn import functional as F

from dlhw.config.loss import LossName
from dlhw.nn.gradcheck import check_loss, random_targets
from dlhw.nn.losses import (
    LOSSES,
    BinaryCrossEntropy,
    BinarySquaredError,
    CrossEntropy,
    Loss,
    PerceptronLoss,
    SquaredError,
)

every_loss = pytest.mark.parametrize("name", LOSSES)


def squared(factor: float) -> Callable[[Tensor, Tensor], Tensor]:
    return lambda z, t: factor * F.mse_loss(z, t)


REFERENCES: dict[LossName, Callable[[Tensor, Tensor], Tensor]] = {
    LossName.cross_entropy: F.cross_entropy,
    LossName.binary_cross_entropy: lambda z, y: F.binary_cross_entropy_with_logits(z.squeeze(1), y.to(z)),
    LossName.squared_error: squared(1),
    LossName.half_squared_error: squared(1 / 2),
    LossName.quarter_squared_error: squared(1 / 4),
    LossName.binary_squared_error: lambda z, y: F.mse_loss(z.squeeze(1), y.to(z)),
    LossName.perceptron: lambda z, y: (z.max(1).values - z[torch.arange(len(y)), y]).mean(),
}


def outputs_of(loss: Loss) -> int:
    return 1 if isinstance(loss, BinaryCrossEntropy | BinarySquaredError) else 5


def random_batch(name: LossName, *, samples: int = 6, seed: int = 0) -> tuple[Loss, Tensor, Tensor]:
    """A loss, outputs (R, N, K) and targets of each run's own."""
    loss, generator = LOSSES[name], Generator().manual_seed(seed)
    shape = (RUNS, samples, outputs_of(loss))
    out = torch.randn(shape, generator=generator, dtype=torch.float64) * 3
    targets = [random_targets(loss, samples, outputs_of(loss), generator) for _ in range(RUNS)]
    return loss, out, torch.cat(targets)


def in_dtype(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    return tensor.to(dtype) if tensor.is_floating_point() else tensor


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("num_runs", [1, 3])
@every_loss
def test_gradients_are_those_of_autograd_and_of_differences(name: LossName, num_runs: int, seed: int) -> None:
    loss, generator = LOSSES[name], Generator().manual_seed(seed)
    check = check_loss(loss, outputs_of(loss), num_runs=num_runs, probes=40, generator=generator)
    assert check.passes(1e-9, 1e-6), check
    assert check.probes > 0


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@every_loss
def test_values_and_gradients_are_those_of_torch(name: LossName, dtype: torch.dtype) -> None:
    loss, out, targets = random_batch(name)
    out, targets = out.to(dtype).requires_grad_(), in_dtype(targets, dtype)
    expected = torch.stack([REFERENCES[name](out[run], targets[run]) for run in range(RUNS)])
    (gradient,) = torch.autograd.grad(expected.sum(), [out])
    assert_same(loss.forward(out, targets).detach(), expected.detach())
    assert_same(loss.backward(out.detach(), targets), gradient)


@every_loss
def test_targets_that_all_runs_share_count_for_each(name: LossName) -> None:
    loss, out, targets = random_batch(name)
    shared = targets[:1]
    repeated = shared.expand(RUNS, *shared.shape[1:])
    assert_same(loss.forward(out, shared), loss.forward(out, repeated))
    assert_same(loss.backward(out, shared), loss.backward(out, repeated))


@every_loss
def test_a_run_that_is_nan_leaves_the_others_as_they_are(name: LossName) -> None:
    loss, out, targets = random_batch(name)
    values, gradients = loss.forward(out, targets), loss.backward(out, targets)
    out[1] = torch.nan
    assert loss.forward(out, targets)[1].isnan()
    torch.testing.assert_close(loss.forward(out, targets)[[0, 2]], values[[0, 2]], rtol=0, atol=0)
    torch.testing.assert_close(loss.backward(out, targets)[[0, 2]], gradients[[0, 2]], rtol=0, atol=0)


@every_loss
def test_the_mean_is_that_of_the_samples(name: LossName) -> None:
    loss, out, targets = random_batch(name)
    assert loss.per_sample(out, targets).shape == out.shape[:2]
    assert_same(loss.forward(out, targets), loss.per_sample(out, targets).sum(1) / out.shape[1])


@every_loss
def test_outputs_and_targets_are_left_as_they_are(name: LossName) -> None:
    loss, out, targets = random_batch(name)
    before = out.clone(), targets.clone()
    loss.backward(out, targets)
    torch.testing.assert_close((out, targets), before, rtol=0, atol=0)


@pytest.mark.parametrize("name", [LossName.cross_entropy, LossName.perceptron])
def test_the_gradient_of_each_sample_sums_to_zero(name: LossName) -> None:
    loss, out, targets = random_batch(name)
    gradient = loss.backward(out, targets)
    assert gradient.any(2).any()
    torch.testing.assert_close(
        gradient.sum(2), torch.zeros(out.shape[:2], dtype=torch.float64), rtol=0, atol=1e-15
    )


@pytest.mark.parametrize(
    ("label", "value", "gradient"), [(0, 0.0, [0, 0, 0]), (1, 2000.0, [1, -1, 0]), (2, 1000.0, [1, 0, -1])]
)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_cross_entropy_of_huge_logits_is_finite_and_right(
    label: int, value: float, gradient: list[float], dtype: torch.dtype
) -> None:
    out, target = torch.tensor([[[1000.0, -1000.0, 0.0]]], dtype=dtype), torch.tensor([[label]])
    assert CrossEntropy().forward(out, target).tolist() == [value]
    assert CrossEntropy().backward(out, target).flatten().tolist() == gradient


@pytest.mark.parametrize(
    ("logit", "label", "value", "gradient"),
    [
        (0.0, 0, 0.6931471805599453, 0.5),
        (0.0, 1, 0.6931471805599453, -0.5),
        (1000.0, 1, 0.0, 0.0),
        (1000.0, 0, 1000.0, 1.0),
        (-1000.0, 0, 0.0, 0.0),
        (-1000.0, 1, 1000.0, -1.0),
    ],
)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_binary_cross_entropy_is_right_at_zero_and_at_huge_logits(
    logit: float, label: int, value: float, gradient: float, dtype: torch.dtype
) -> None:
    out, target, loss = torch.tensor([[[logit]]], dtype=dtype), torch.tensor([[label]]), BinaryCrossEntropy()
    assert loss.forward(out, target).item() == torch.tensor(value, dtype=dtype).item()
    assert loss.backward(out, target).item() == gradient


def test_binary_prediction_is_class_1_above_a_logit_of_zero() -> None:
    out = torch.tensor([[[-1.0], [0.0], [1e-30], [5.0]]])
    assert BinaryCrossEntropy().predict(out).tolist() == [[0, 0, 1, 1]]


def test_squared_prediction_is_class_1_above_one_half() -> None:
    out = torch.tensor([[[-1.0], [0.5], [0.6], [1.0], [3.0]]])
    assert BinarySquaredError().predict(out).tolist() == [[0, 0, 1, 1, 1]]


@pytest.mark.parametrize("name", [LossName.cross_entropy, LossName.perceptron])
def test_prediction_is_the_first_largest_output(name: LossName) -> None:
    out = torch.tensor([[[1.0, 2.0, 2.0], [3.0, 0.0, 3.0], [0.0, 0.0, 1.0]]])
    predicted = LOSSES[name].predict(out)
    assert predicted is not None
    assert predicted.tolist() == [[1, 0, 2]]


def test_regression_predicts_no_class() -> None:
    assert SquaredError(1.0).predict(torch.zeros(1, 2, 1)) is None


def perceptron_step(weight_IK: Tensor, x_I: Tensor, label: int) -> Tensor:
    """One step with batch size 1 and learning rate 1."""
    dout_K = PerceptronLoss().backward((x_I @ weight_IK).view(1, 1, -1), torch.tensor([[label]])).view(-1)
    return weight_IK - torch.outer(x_I, dout_K)


def test_a_perceptron_step_is_collins_rule() -> None:
    weight_IK, x_I = torch.tensor([[1.0, 0.0, 2.0], [0.0, 1.0, 1.0]]), torch.tensor([2.0, 3.0])
    # scores 2, 3, 7: class 2 is predicted, class 0 is right; add x to w_0 and take it from w_2
    expected = [[3.0, 0.0, 0.0], [3.0, 1.0, -2.0]]
    assert perceptron_step(weight_IK, x_I, 0).tolist() == expected


def test_a_perceptron_that_is_right_stays() -> None:
    weight_IK, x_I = torch.tensor([[1.0, 0.0, 2.0], [0.0, 1.0, 1.0]]), torch.tensor([2.0, 3.0])
    assert perceptron_step(weight_IK, x_I, 2).tolist() == weight_IK.tolist()


def test_a_perceptron_from_zero_learns() -> None:
    weight_IK = perceptron_step(torch.zeros(2, 3), torch.tensor([2.0, 3.0]), 1)
    assert weight_IK.tolist() == [[-2.0, 2.0, 0.0], [-3.0, 3.0, 0.0]]
