"""Models whose parameters are given numbers: nothing is drawn."""

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor

from dlhw.config.model import HandBuiltConfig, IntervalNetConfig
from dlhw.config.model_base import Activation
from dlhw.errors import ConfigError
from dlhw.nn.activations import Sign, build_activation
from dlhw.nn.containers import Sequential
from dlhw.nn.layer import Layer
from dlhw.nn.linear import GivenAffine
from dlhw.nn.shape import Flatten

Shape = tuple[int, ...]


def hand_built(configs: Sequence[HandBuiltConfig], input_shape: Shape, num_outputs: int) -> Sequential:
    """Flatten, then y = activation(W x + b) for each layer of the config.

    Raises:
        ConfigError: if the data has another number of inputs, or the loss needs other outputs.
    """
    given = configs[0].layers
    num_in, row_length, outputs = prod(input_shape), len(given[0].weight[0]), len(given[-1].weight)
    if num_in != row_length:
        raise ConfigError(
            f"model.layers[0].weight has rows of {row_length} numbers, the data has {num_in} inputs"
        )
    if outputs != num_outputs:
        raise ConfigError(
            f"model.layers[{len(given) - 1}].weight has {outputs} rows, this data and loss need "
            f"{num_outputs} outputs"
        )
    layers: dict[str, Layer] = {"flatten": Flatten()}
    for number, layer in enumerate(given, start=1):
        layers[f"fc{number}"] = GivenAffine(_doubles([layer.weight]).mT, _doubles([layer.bias]))
        if layer.activation is not Activation.identity:
            layers[f"{layer.activation}{number}"] = build_activation(layer.activation)
    return Sequential(layers, input_shape)


def interval_net(configs: Sequence[IntervalNetConfig], input_shape: Shape, num_outputs: int) -> Sequential:
    """Flatten, then h = g(x W0 + b0) with two hidden units, then y = sign(h W1 + b1).

    The output is 1 if the sum of the inputs is in the run's interval, else -1: see `interval_parameters`.

    Raises:
        ConfigError: if the loss needs more than one output.
    """
    if num_outputs != 1:
        raise ConfigError(f"model=interval_net has 1 output, this data and loss need {num_outputs}")
    units = Activation(configs[0].units)
    low_R, high_R = (_doubles([getattr(config, end) for config in configs]) for end in ("low", "high"))
    w0_1IO, b0_RO, w1_1IO, b1_1O = interval_parameters(units, prod(input_shape), low_R, high_R)
    layers: dict[str, Layer] = {
        "flatten": Flatten(),
        "fc1": GivenAffine(w0_1IO, b0_RO),
        f"{units}1": build_activation(units),
        "fc2": GivenAffine(w1_1IO, b1_1O),
        "sign2": Sign(),
    }
    return Sequential(layers, input_shape)


def interval_parameters(
    units: Activation, dim: int, low_R: Tensor, high_R: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Parameters of nets that answer whether A <= x_1 + … + x_D <= B for inputs x_i of 1 and -1.

    y = sign(h W1 + b1),   h = g(x W0 + b0)        y = 1 inside, -1 outside; sign(0) = 1

    g = sign: W0 = [1 … 1; -1 … -1]^T, b0 = [-A + 1/2, B + 1/2], W1 = [1 1]^T, b1 = -1
    g = relu: W0 = [-1 … -1; 1 … 1]^T, b0 = [A - 1/2, -B - 1/2], W1 = [-1 -1]^T, b1 = 0

    Because of the halves, errors of the sum below 1/2 do not change the answer. For ReLU units h W1 + b1 is 0
    inside and negative outside, hence the sign after it.

    Args:
        units: g of the hidden units, sign or relu.
        dim: number of inputs D.
        low_R: A of each run.
        high_R: B of each run.

    Returns:
        W0 (1, D, 2), b0 (R, 2), W1 (1, 2, 1), b1 (1, 1), in float64.

    Source: Deep Learning, IST Lisbon 2023, homework 1, question 3.

    >>> low_R, high_R = torch.tensor([[-1.0], [2.0]], dtype=torch.float64)
    >>> [tensor.tolist() for tensor in interval_parameters(Activation.sign, 3, low_R, high_R)]
    [[[[1.0, -1.0], [1.0, -1.0], [1.0, -1.0]]], [[1.5, 2.5]], [[[1.0], [1.0]]], [[-1.0]]]
    """
    s, b1 = (1.0, -1.0) if units is Activation.sign else (-1.0, 0.0)
    b0_RO = s * torch.stack([0.5 - low_R, high_R + 0.5], 1)
    return _doubles([[[s, -s]] * dim]), b0_RO, _doubles([[[s], [s]]]), _doubles([[b1]])


def _doubles(numbers: object) -> Tensor:
    return torch.tensor(numbers, dtype=torch.float64)
