"""Every layer, by name, with examples small enough to be checked thoroughly.

Whoever adds a layer adds it here: `dlhw-gradcheck --all` and the common tests then cover it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from dlhw.nn.activations import (
    Absolute,
    Cosine,
    Gaussian,
    Identity,
    Inverse,
    PerUnit,
    ReLU,
    Sigmoid,
    Sign,
    Sine,
    Step,
    Tanh,
)
from dlhw.nn.conv import Conv2d
from dlhw.nn.dropout import Dropout
from dlhw.nn.layer import Layer
from dlhw.nn.linear import Affine, GivenAffine, QuadraticParameterization, SparseAffine
from dlhw.nn.pooling import AvgPool2d, MaxPool2d
from dlhw.nn.shape import Flatten


@dataclass(frozen=True)
class Example:
    """A layer to check.

    Args:
        make: builds it for a number of runs.
        input_shape: shape of one input.
    """

    make: Callable[[int], Layer]
    input_shape: tuple[int, ...]


def _rates(num_runs: int) -> torch.Tensor:
    """A different rate for each run, the first 0."""
    return torch.arange(num_runs, dtype=torch.float64) / (num_runs + 1)


LAYERS: dict[str, Example] = {
    "affine": Example(lambda runs: Affine(5, 4), (5,)),
    "affine-no-bias": Example(lambda runs: Affine(5, 4, bias=False), (5,)),
    "affine-given": Example(lambda runs: GivenAffine(torch.zeros(runs, 5, 4), torch.zeros(runs, 4)), (5,)),
    "affine-sparse": Example(lambda runs: SparseAffine(5, torch.tensor([[0, 4, 1, 3], [2, 1, 0, 4]])), (5,)),
    "quadratic": Example(lambda runs: QuadraticParameterization(5, 4), (5,)),
    "sigmoid": Example(lambda runs: Sigmoid(), (6,)),
    "tanh": Example(lambda runs: Tanh(), (6,)),
    "relu": Example(lambda runs: ReLU(), (6,)),
    "identity": Example(lambda runs: Identity(), (6,)),
    "sine": Example(lambda runs: Sine(), (6,)),
    "cosine": Example(lambda runs: Cosine(), (6,)),
    "gaussian": Example(lambda runs: Gaussian(), (6,)),
    "absolute": Example(lambda runs: Absolute(), (6,)),
    "inverse": Example(lambda runs: Inverse(), (6,)),
    "per-unit": Example(lambda runs: PerUnit([Sine(), Absolute(), Identity(), ReLU()]), (7,)),
    "step": Example(lambda runs: Step(), (6,)),
    "sign": Example(lambda runs: Sign(), (6,)),
    "dropout": Example(lambda runs: Dropout(_rates(runs)), (6,)),
    "flatten": Example(lambda runs: Flatten(), (2, 3, 4)),
    "conv2d": Example(lambda runs: Conv2d(2, 3, 3), (2, 5, 6)),
    "conv2d-padding": Example(lambda runs: Conv2d(1, 3, 3, padding=1), (1, 5, 4)),
    "conv2d-stride": Example(lambda runs: Conv2d(2, 2, 2, stride=2, padding=1), (2, 5, 5)),
    "conv2d-gaps": Example(lambda runs: Conv2d(2, 2, 2, stride=3), (2, 7, 6)),
    "maxpool": Example(lambda runs: MaxPool2d(2), (2, 4, 5)),
    "maxpool-overlap": Example(lambda runs: MaxPool2d(3, stride=1), (2, 5, 5)),
    "avgpool": Example(lambda runs: AvgPool2d(2), (2, 5, 4)),
    "avgpool-overlap": Example(lambda runs: AvgPool2d(3, stride=2), (2, 5, 7)),
}
