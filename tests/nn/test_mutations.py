"""The check of layers can fail: each deliberately wrong backward is found, at the variables it spoils."""

from typing import Any

import pytest
import torch
from torch import Generator

from dlhw.nn.activations import ReLU, Sigmoid, Sign, Step, Tanh
from dlhw.nn.containers import Sequential
from dlhw.nn.conv import Conv2d
from dlhw.nn.dropout import Dropout
from dlhw.nn.gradcheck import check_layers
from dlhw.nn.layer import Layer
from dlhw.nn.linear import Affine, QuadraticParameterization
from dlhw.nn.pooling import AvgPool2d, MaxPool2d

RUNS = 3


class TransposedAffine(Affine):
    def backward(self, *given: Any, **options: Any) -> Any:
        params, dout, *_ = given
        super().backward(*given, **options)
        return dout @ params["weight"]


class AffineWithMeanBias(Affine):
    def backward(self, *given: Any, **options: Any) -> Any:
        _, dout, _, grads, _ = given
        dx = super().backward(*given, **options)
        grads["bias"].div_(dout.shape[1])
        return dx


class AffineWithoutBiasGradient(Affine):
    def backward(self, *given: Any, **options: Any) -> Any:
        params, dout, x, grads, ctx = given
        elsewhere = {**grads, "bias": torch.empty_like(grads["bias"])}
        return super().backward(params, dout, x, elsewhere, ctx, **options)


class AffineThatMixesRuns(Affine):
    def backward(self, *given: Any, **options: Any) -> Any:
        dx, weight = super().backward(*given, **options), given[3]["weight"]
        weight.copy_(weight.mean(0, keepdim=True).expand_as(weight))
        return dx


class AffineThatAdds(Affine):
    """Adds to what the gradient held before, where it must overwrite."""

    def backward(self, *given: Any, **options: Any) -> Any:
        before = given[3]["weight"].clone()
        dx = super().backward(*given, **options)
        given[3]["weight"].add_(before)
        return dx


class SigmoidWithHalfSlope(Sigmoid):
    def backward(self, *given: Any, **options: Any) -> Any:
        _, dout, s, *_ = given
        return dout * s


class TanhWithoutSquare(Tanh):
    def backward(self, *given: Any, **options: Any) -> Any:
        _, dout, t, *_ = given
        return dout * (1 - t)


class ReLUWithoutMask(ReLU):
    def backward(self, *given: Any, **options: Any) -> Any:
        return given[1]


class ConvBiasOverWrongAxes(Conv2d):
    def backward(self, *given: Any, **options: Any) -> Any:
        _, dout, _, grads, _ = given
        dx = super().backward(*given, **options)
        grads["bias"].copy_(dout.sum((2, 3, 4)))
        return dx


class ConvThatConvolves(Conv2d):
    """Flips the filter: the gradient of a true convolution, where forward is a cross-correlation."""

    def backward(self, *given: Any, **options: Any) -> Any:
        params, *rest = given
        flipped = {**params, "weight": params["weight"].flip(-1, -2)}
        return super().backward(flipped, *rest, **options)


class DropoutWithoutMask(Dropout):
    def backward(self, *given: Any, **options: Any) -> Any:
        return given[1]


class DropoutWithoutScale(Dropout):
    def backward(self, *given: Any, **options: Any) -> Any:
        _, dout, mask, *_ = given
        return dout * (mask > 0)


class QuadraticWithoutTwo(QuadraticParameterization):
    def backward(self, *given: Any, **options: Any) -> Any:
        dx = super().backward(*given, **options)
        given[3]["theta"].div_(2)
        return dx


class QuadraticWithOneSign(QuadraticParameterization):
    def backward(self, *given: Any, **options: Any) -> Any:
        dx = super().backward(*given, **options)
        given[3]["phi"].neg_()
        return dx


class StepStraightThrough(Step):
    """Passes the gradient as if there were no threshold."""

    def backward(self, *given: Any, **options: Any) -> Any:
        return given[1]


class SignThatClips(Sign):
    """Has a slope in places."""

    def backward(self, *given: Any, **options: Any) -> Any:
        return given[1] * (given[1] > 1)


class AvgPoolWithoutShare(AvgPool2d):
    def backward(self, *given: Any, **options: Any) -> Any:
        params, dout, *rest = given
        return super().backward(params, dout * self.kernel**2, *rest, **options)


class MaxPoolThatSpreads(MaxPool2d):
    def backward(self, *given: Any, **options: Any) -> Any:
        params, dout, (_, shape), *rest = given
        return AvgPool2d(self.kernel, self.stride).backward(params, dout, shape, *rest, **options)


RATES = torch.tensor([0.0, 0.3, 0.6])
WRONG_LAYERS: dict[str, tuple[Layer, tuple[int, ...], set[str]]] = {
    "affine-transposed": (TransposedAffine(4, 4), (4,), {"input"}),
    "affine-mean-bias": (AffineWithMeanBias(4, 3), (4,), {"layer.bias"}),
    "affine-no-bias-gradient": (AffineWithoutBiasGradient(4, 3), (4,), {"layer.bias"}),
    "affine-mixes-runs": (AffineThatMixesRuns(4, 3), (4,), {"layer.weight"}),
    "affine-adds": (AffineThatAdds(4, 3), (4,), {"layer.weight"}),
    "sigmoid-half-slope": (SigmoidWithHalfSlope(), (5,), {"input"}),
    "tanh-no-square": (TanhWithoutSquare(), (5,), {"input"}),
    "relu-no-mask": (ReLUWithoutMask(), (5,), {"input"}),
    "conv-bias-wrong-axes": (ConvBiasOverWrongAxes(2, 3, 3), (2, 5, 5), {"layer.bias"}),
    "conv-flipped": (ConvThatConvolves(2, 3, 3), (2, 5, 5), {"input"}),
    "dropout-no-mask": (DropoutWithoutMask(RATES), (6,), {"input"}),
    "dropout-no-scale": (DropoutWithoutScale(RATES), (6,), {"input"}),
    "quadratic-no-two": (QuadraticWithoutTwo(4, 3), (4,), {"layer.theta"}),
    "quadratic-one-sign": (QuadraticWithOneSign(4, 3), (4,), {"layer.phi"}),
    "step-straight-through": (StepStraightThrough(), (5,), {"input"}),
    "sign-clips": (SignThatClips(), (5,), {"input"}),
    "avg-pool-no-share": (AvgPoolWithoutShare(2), (2, 4, 4), {"input"}),
    "max-pool-spreads": (MaxPoolThatSpreads(2), (2, 4, 4), {"input"}),
}


def wrong_variables(layers: dict[str, Layer], input_shape: tuple[int, ...]) -> set[str]:
    """Names of the variables whose gradients fail, for a batch of 3."""
    generator = Generator().manual_seed(0)
    x_1N = torch.randn(1, 3, *input_shape, generator=generator, dtype=torch.float64)
    model = Sequential(layers, input_shape)
    checks = check_layers(model, x_1N, num_runs=RUNS, probes=10, generator=generator)
    return {check.name for check in checks if not check.passes(1e-9, 1e-6)}


@pytest.mark.parametrize("name", WRONG_LAYERS)
def test_a_wrong_layer_fails_at_the_variable_that_is_wrong(name: str) -> None:
    layer, input_shape, wrong = WRONG_LAYERS[name]
    assert wrong_variables({"layer": layer}, input_shape) == wrong


def test_a_gradient_that_passes_a_threshold_spoils_what_lies_before_it_and_nothing_after() -> None:
    layers = {"fc1": Affine(4, 5), "wrong": StepStraightThrough(), "fc2": Affine(5, 3)}
    assert wrong_variables(layers, (4,)) == {"input", "fc1.weight", "fc1.bias"}


def test_a_wrong_slope_spoils_what_lies_before_it_and_nothing_after() -> None:
    layers = {"fc1": Affine(4, 5), "wrong": SigmoidWithHalfSlope(), "fc2": Affine(5, 3)}
    assert wrong_variables(layers, (4,)) == {"input", "fc1.weight", "fc1.bias"}
