"""Networks of given numbers: nothing is drawn."""

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor

from dlhw.config.model import HandBuiltConfig, IntervalNetConfig, IntervalUnits
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
    have, inputs, outputs = prod(input_shape), len(given[0].weight[0]), len(given[-1].weight)
    if have != inputs:
        raise ConfigError(f"model.layers[0].weight has rows of {inputs} numbers, the data has {have} inputs")
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
    """Is A <= x_1 + … + x_D <= B for x_i of 1 and -1? Two hidden units h = g(W0 x + b0), y = sign(W1 h + b1).

    g = sign: W0 = [1 … 1; -1 … -1], b0 = [-A + 1/2, B + 1/2], W1 = [1 1], b1 = -1
    g = relu: W0 = [-1 … -1; 1 … 1], b0 = [A - 1/2, -B - 1/2], W1 = [-1 -1], b1 = 0

    The halves make the answer the same under any error of the sum below 1/2; sign(0) = 1. W1 h + b1 is 1 or
    -1 for sign units; for ReLU units it is 0 inside and negative outside, hence the sign behind it.

    Raises:
        ConfigError: if the loss needs more than one output.
    """
    if num_outputs != 1:
        raise ConfigError(f"model=interval_net has 1 output, this data and loss need {num_outputs}")
    units, dim = configs[0].units, prod(input_shape)
    s, b1 = (1.0, -1.0) if units is IntervalUnits.sign else (-1.0, 0.0)
    w0_R2D = _doubles([[[s] * dim, [-s] * dim]])
    b0_R2 = _doubles([[s * (0.5 - config.low), s * (config.high + 0.5)] for config in configs])
    layers: dict[str, Layer] = {
        "flatten": Flatten(),
        "fc1": GivenAffine(w0_R2D.mT, b0_R2),
        f"{units}1": build_activation(Activation(units)),
        "fc2": GivenAffine(_doubles([[[s], [s]]]), _doubles([[b1]])),
        "sign2": Sign(),
    }
    return Sequential(layers, input_shape)


def _doubles(numbers: object) -> Tensor:
    return torch.tensor(numbers, dtype=torch.float64)
