"""Layers against torch.nn.functional, each run by itself."""

from collections.abc import Callable

import pytest
import torch
from layer_cases import RUNS, assert_all_same, context, random_case
from torch import Tensor
from torch.nn import functional as F

from dlhw.nn.activations import (
    Absolute,
    Cosine,
    Gaussian,
    Identity,
    Inverse,
    ReLU,
    Sigmoid,
    Sine,
    Tanh,
)
from dlhw.nn.conv import Conv2d
from dlhw.nn.layer import Layer
from dlhw.nn.linear import Affine
from dlhw.nn.pooling import AvgPool2d, MaxPool2d

Reference = tuple[Layer, tuple[int, ...], Callable[..., Tensor]]


def conv(channels: int, filters: int, kernel: int, stride: int, padding: int, *image: int) -> Reference:
    layer = Conv2d(channels, filters, kernel, stride, padding)
    return layer, (channels, *image), lambda x, w, b: F.conv2d(x, w, b, stride, padding)


def max_pool(kernel: int, stride: int | None, *image: int) -> Reference:
    return MaxPool2d(kernel, stride), (2, *image), lambda x: F.max_pool2d(x, kernel, stride)


def avg_pool(kernel: int, stride: int | None, *image: int) -> Reference:
    return AvgPool2d(kernel, stride), (2, *image), lambda x: F.avg_pool2d(x, kernel, stride)


REFERENCES: dict[str, Reference] = {
    "affine": (Affine(7, 5), (7,), lambda x, w, b: F.linear(x, w.mT, b)),
    "affine-one-output": (Affine(7, 1), (7,), lambda x, w, b: F.linear(x, w.mT, b)),
    "sigmoid": (Sigmoid(), (9,), torch.sigmoid),
    "tanh": (Tanh(), (9,), torch.tanh),
    "relu": (ReLU(), (9,), F.relu),
    "identity": (Identity(), (9,), lambda x: x * 1),
    "sine": (Sine(), (9,), torch.sin),
    "cosine": (Cosine(), (9,), torch.cos),
    "gaussian": (Gaussian(), (9,), lambda x: torch.exp(-x.square() / 2)),
    "absolute": (Absolute(), (9,), torch.abs),
    "inverse": (Inverse(), (9,), torch.neg),
    "conv2d-1x1": conv(3, 2, 1, 1, 0, 3, 4),
    "conv2d-same": conv(3, 4, 3, 1, 1, 5, 6),
    "conv2d-one-position": conv(2, 3, 5, 1, 0, 5, 5),
    "conv2d-stride": conv(2, 3, 5, 2, 2, 7, 9),
    "conv2d-leftover": conv(3, 2, 2, 2, 0, 5, 7),
    "conv2d-gaps": conv(2, 2, 2, 3, 1, 8, 7),
    "conv2d-wide-padding": conv(1, 2, 3, 1, 3, 4, 4),
    "max-pool": max_pool(2, None, 4, 6),
    "max-pool-leftover": max_pool(2, None, 5, 7),
    "max-pool-overlap": max_pool(3, 1, 5, 5),
    "max-pool-overlap-leftover": max_pool(3, 2, 6, 8),
    "max-pool-gaps": max_pool(2, 3, 7, 8),
    "avg-pool": avg_pool(2, None, 4, 6),
    "avg-pool-leftover": avg_pool(2, None, 5, 7),
    "avg-pool-overlap": avg_pool(3, 1, 5, 5),
    "avg-pool-overlap-leftover": avg_pool(3, 2, 6, 8),
    "avg-pool-gaps": avg_pool(2, 3, 7, 8),
}


@pytest.mark.parametrize("reuse", [False, True])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("name", REFERENCES)
def test_values_and_gradients_are_those_of_torch(name: str, dtype: torch.dtype, reuse: bool) -> None:
    layer, input_shape, function = REFERENCES[name]
    case = random_case(layer, input_shape, dtype=dtype)
    leaves = {key: value.clone().requires_grad_() for key, value in {"input": case.x, **case.params}.items()}
    out = torch.stack([function(*(leaf[run] for leaf in leaves.values())) for run in range(RUNS)])
    grads = torch.autograd.grad(out, list(leaves.values()), case.dout)
    expected = {"out": out.detach(), **dict(zip(leaves, grads, strict=True))}
    assert_all_same(case.pass_through(context(reuse=reuse)), expected)


@pytest.mark.parametrize("large", [-1000.0, 1000.0])
@pytest.mark.parametrize(
    ("layer", "values"), [(Sigmoid(), {-1000: 0, 1000: 1}), (Tanh(), {-1000: -1, 1000: 1})]
)
def test_saturated_units_are_finite_and_have_no_slope(
    layer: Layer, values: dict[float, float], large: float
) -> None:
    case = random_case(layer, (3,))
    case.x.fill_(large)
    passed = case.pass_through()
    assert passed["out"].unique().tolist() == [values[large]]
    assert not passed["input"].any()
