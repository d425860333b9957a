"""From model configs to layers."""

from collections.abc import Sequence
from itertools import pairwise
from math import prod

import torch

from dlhw.config.model import (
    CNNConfig,
    LinearConfig,
    MLPConfig,
    ModelConfig,
    Pooling,
    QuadraticConfig,
)
from dlhw.config.model_base import Activation
from dlhw.config.registry import import_builder
from dlhw.nn.activations import build_activation
from dlhw.nn.containers import Network, Sequential
from dlhw.nn.conv import Conv2d
from dlhw.nn.dropout import Dropout
from dlhw.nn.layer import Layer
from dlhw.nn.linear import Affine, QuadraticParameterization
from dlhw.nn.shape import Flatten

Shape = tuple[int, ...]


def _dropout(configs: Sequence[MLPConfig] | Sequence[CNNConfig]) -> Dropout | None:
    """The layer if any run of the cohort drops units; a run with rate 0 passes it unchanged."""
    rates = [config.dropout for config in configs]
    return Dropout(torch.tensor(rates, dtype=torch.float64)) if any(rates) else None


def affine_model(configs: Sequence[ModelConfig], input_shape: Shape, num_outputs: int) -> Sequential:
    """Softmax regression, logistic regression, perceptron: flatten, affine."""
    return Sequential({"flatten": Flatten(), "fc": Affine(prod(input_shape), num_outputs)}, input_shape)


def linear(configs: Sequence[LinearConfig], input_shape: Shape, num_outputs: int) -> Sequential:
    """Linear regression: flatten, affine, with or without bias."""
    affine = Affine(prod(input_shape), num_outputs, bias=configs[0].bias)
    return Sequential({"flatten": Flatten(), "fc": affine}, input_shape)


def quadratic(configs: Sequence[QuadraticConfig], input_shape: Shape, num_outputs: int) -> Sequential:
    """Flatten, then a linear map whose weights are differences of squares."""
    layer = QuadraticParameterization(prod(input_shape), num_outputs)
    return Sequential({"flatten": Flatten(), "fc": layer}, input_shape)


def mlp(configs: Sequence[MLPConfig], input_shape: Shape, num_outputs: int) -> Sequential:
    """Flatten, then affine, activation and dropout per hidden layer, then affine and output activation."""
    first = configs[0]
    layers: dict[str, Layer] = {"flatten": Flatten()}
    widths = [prod(input_shape), *first.hidden]
    for number, (fan_in, fan_out) in enumerate(pairwise(widths), start=1):
        layers[f"fc{number}"] = Affine(fan_in, fan_out)
        layers[f"{first.activation}{number}"] = build_activation(first.activation)
        if (dropout := _dropout(configs)) is not None:
            layers[f"dropout{number}"] = dropout
    layers[f"fc{len(widths)}"] = Affine(widths[-1], num_outputs)
    if first.output is not Activation.identity:
        layers[f"{first.output}{len(widths)}"] = build_activation(first.output)
    return Sequential(layers, input_shape)


def cnn(configs: Sequence[CNNConfig], input_shape: Shape, num_outputs: int) -> Sequential:
    """Convolution, activation and pooling per block, then flatten, dropout, affine."""
    first = configs[0]
    padding = (first.kernel - 1) // 2 if first.padding is None else first.padding
    layers: dict[str, Layer] = {}
    channels = [input_shape[0], *first.filters]
    for number, (c_in, c_out) in enumerate(pairwise(channels), start=1):
        layers[f"conv{number}"] = Conv2d(c_in, c_out, first.kernel, first.stride, padding)
        layers[f"{first.activation}{number}"] = build_activation(first.activation)
        if first.pooling is not Pooling.none:
            layers[f"{first.pooling}pool{number}"] = import_builder(first.pooling)(first.pool_size)
    layers["flatten"] = Flatten()
    if (dropout := _dropout(configs)) is not None:
        layers["dropout"] = dropout
    layers["fc"] = Affine(prod(Sequential(layers, input_shape).output_shape), num_outputs)
    return Sequential(layers, input_shape)


def build_model(configs: Sequence[ModelConfig], input_shape: Shape, num_outputs: int) -> Network:
    """Put together the model of a cohort.

    Args:
        configs: one a run; they differ at most in fields marked `per_run`.
        input_shape: shape of one input.
        num_outputs: outputs K.

    Raises:
        ConfigError: if such inputs do not fit the model.
    """
    network: Network = import_builder(configs[0])(configs, input_shape, num_outputs)
    return network
