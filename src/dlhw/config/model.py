"""Config group `model`: what maps a batch of inputs to outputs."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum, auto
from math import isfinite
from typing import Any

from dlhw.config.fields import per_run
from dlhw.config.group import Group, at_least, does_nothing, in_half_open, positive
from dlhw.config.loss import LossName, Targets, losses_for
from dlhw.config.model_base import (
    Activation,
    InitConfig,
    InitScheme,
    ModelConfig,
    flow,
    zero_init,
)
from dlhw.config.registry import Choice

DEFAULT_POOL_SIZE = 2


class Pooling(Choice):
    """Pooling after a convolution's activation."""

    none = "none"
    max = "max", "dlhw.nn.pooling:MaxPool2d"
    avg = "avg", "dlhw.nn.pooling:AvgPool2d"


@dataclass(kw_only=True)
class MLPConfig(ModelConfig):
    """Multi-layer perceptron: affine and activation per hidden layer, then an affine output layer."""

    builder = "dlhw.models.build:mlp"
    name: str = "mlp"
    hidden: list[int] = field(default_factory=lambda: [128])
    """number of units of each hidden layer; [] gives a linear model"""
    activation: Activation = Activation.relu
    """nonlinearity after each hidden layer"""
    output: Activation = Activation.identity
    """nonlinearity after the output layer"""
    dropout: float = per_run(0.0)
    """probability of zeroing a hidden unit in training; 0: no dropout layers"""

    def has_thresholds(self) -> bool:
        return self.output.is_threshold or (bool(self.hidden) and self.activation.is_threshold)

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        for position, units in enumerate(self.hidden):
            yield from at_least(f"model.hidden[{position}]", units, 1)
        yield from in_half_open("model.dropout", self.dropout, 0, 1)
        if not self.hidden:
            yield from self._hidden_problems()

    def _hidden_problems(self) -> Iterator[str]:
        """Settings that have no effect without hidden layers."""
        needed = "hidden layers, got model.hidden=[]"
        if self.dropout > 0:
            yield does_nothing(f"model.dropout={self.dropout:g}", needed)
        if self.activation is not Activation.relu:
            yield does_nothing(f"model.activation={self.activation}", needed)


@dataclass(kw_only=True)
class SoftmaxConfig(ModelConfig):
    """Multinomial logistic regression: one affine layer with a logit for each class."""

    builder = "dlhw.models.build:affine_model"
    losses = (LossName.cross_entropy,)
    name: str = "softmax"
    init: InitConfig = field(default_factory=zero_init)


@dataclass(kw_only=True)
class LogisticConfig(ModelConfig):
    """Binary logistic regression: one affine layer, one logit."""

    builder = "dlhw.models.build:affine_model"
    losses = (LossName.binary_cross_entropy,)
    name: str = "logistic"
    init: InitConfig = field(default_factory=zero_init)


@dataclass(kw_only=True)
class PerceptronConfig(ModelConfig):
    """Multi-class perceptron: one affine layer, trained by the perceptron loss."""

    builder = "dlhw.models.build:affine_model"
    losses = (LossName.perceptron,)
    name: str = "perceptron"
    init: InitConfig = field(default_factory=zero_init)


@dataclass(kw_only=True)
class LinearConfig(ModelConfig):
    """Linear regression: one affine layer with an output for each target."""

    builder = "dlhw.models.build:linear"
    losses = losses_for(Targets.numbers)
    name: str = "linear"
    bias: bool = True
    """whether the model has a constant term"""
    init: InitConfig = field(default_factory=zero_init)

    def has_closed_form(self) -> bool:
        return not self.bias

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        if not self.bias and self.init.bias is not None:
            yield f"model.init.bias needs model.bias=true, got bias=false and init.bias={self.init.bias}"


@dataclass(kw_only=True)
class CNNConfig(ModelConfig):
    """Small CNN: convolution, activation and optional pooling per block, then an affine output layer."""

    builder = "dlhw.models.build:cnn"
    name: str = "cnn"
    filters: list[int] = field(default_factory=lambda: [32])
    """number of output channels of each convolution"""
    kernel: int = 3
    """height and width of the filters"""
    stride: int = 1
    """stride of the convolutions"""
    padding: int | None = None
    """zeros added on each side; null: (kernel - 1) / 2, which keeps the size at stride 1"""
    activation: Activation = Activation.relu
    """nonlinearity after each convolution"""
    pooling: Pooling = Pooling.none
    """pooling after each activation"""
    pool_size: int = DEFAULT_POOL_SIZE
    """height, width and stride of the pooling windows"""
    dropout: float = per_run(0.0)
    """probability of zeroing a feature before the output layer in training; 0: no dropout layer"""

    def has_thresholds(self) -> bool:
        return self.activation.is_threshold

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        if not self.filters:
            yield "model.filters must name at least one convolution, got []"
        for position, filters in enumerate(self.filters):
            yield from at_least(f"model.filters[{position}]", filters, 1)
        yield from positive("model.kernel", self.kernel)
        yield from positive("model.stride", self.stride)
        yield from positive("model.pool_size", self.pool_size)
        if self.pooling is Pooling.none and self.pool_size != DEFAULT_POOL_SIZE:
            yield does_nothing(f"model.pool_size={self.pool_size}", "model.pooling=max or avg")
        yield from in_half_open("model.dropout", self.dropout, 0, 1)
        if self.padding is not None:
            yield from at_least("model.padding", self.padding, 0)
        elif self.kernel % 2 == 0:
            yield f"model.padding must be given when model.kernel is even, got kernel={self.kernel}"


def small_constant_init() -> InitConfig:
    """theta = phi, so that the weights start at 0."""
    return InitConfig(scheme=InitScheme.constant, value=0.1)


@dataclass(kw_only=True)
class QuadraticConfig(ModelConfig):
    """Linear regression without bias in other coordinates: f(x) = x^T (theta^2 - phi^2), elementwise."""

    builder = "dlhw.models.build:quadratic"
    losses = (LossName.quarter_squared_error, LossName.squared_error, LossName.half_squared_error)
    name: str = "quadratic"
    init: InitConfig = field(default_factory=small_constant_init)


@dataclass(kw_only=True)
class GivenConfig(ModelConfig):
    """Base of models whose weights are given in the config, not drawn."""

    def problems(self) -> Iterator[str]:
        if self.init != InitConfig():
            yield f"model.init is not read by model={self.name}, whose weights are given: leave it out"


@dataclass(kw_only=True, repr=False)
class GivenLayerConfig(Group):
    """One layer of `model=hand_built`: y = activation(W x + b)."""

    # not list[list[float]]: OmegaConf 2.3 takes no integer for a number there
    weight: list[Any] = field(default_factory=list)
    """W: a row per unit, a number per input"""
    bias: list[float] = field(default_factory=list)
    """b: a number per unit"""
    activation: Activation = Activation.identity
    """nonlinearity after the layer"""

    def __repr__(self) -> str:
        return flow(self)

    def problems_at(self, key: str, num_inputs: int | None) -> Iterator[str]:
        """Problems of the layer that is called `key` and follows `num_inputs` units (None: unknown)."""
        widths = {len(row) if _is_row(row) else 0 for row in self.weight}
        if len(widths) != 1 or 0 in widths:
            yield f"{key}.weight must hold rows of equal length, one for each unit, got {self.weight}"
        elif num_inputs is not None and widths != {num_inputs}:
            yield (
                f"{key}.weight must hold rows of {num_inputs} numbers, one for each unit before, "
                f"got {self.weight}"
            )
        if len(self.bias) != len(self.weight) or not all(map(isfinite, self.bias)):
            yield f"{key}.bias must hold {len(self.weight)} numbers, one for each unit, got {self.bias}"


def _is_row(row: Any) -> bool:
    numbers = isinstance(row, list) and all(type(number) in (int, float) for number in row)
    return numbers and all(map(isfinite, row))


def xor_layers() -> list[GivenLayerConfig]:
    """XOR of two bits: OR and not AND."""
    return [
        GivenLayerConfig(weight=[[1, 1], [1, 1]], bias=[-0.5, -1.5], activation=Activation.step),
        GivenLayerConfig(weight=[[1, -1]], bias=[-0.5], activation=Activation.step),
    ]


@dataclass(kw_only=True)
class HandBuiltConfig(GivenConfig):
    """Network of given weights, such as a gate of threshold units; the default is XOR of two bits."""

    builder = "dlhw.models.hand_built:hand_built"
    losses = losses_for(Targets.two_classes, Targets.classes, Targets.numbers)
    name: str = "hand_built"
    layers: list[GivenLayerConfig] = field(default_factory=xor_layers)
    """layers from input to output: {weight: [[…], …], bias: […], activation: …}, with a row of W per unit"""

    def num_inputs(self) -> int:
        return len(self.layers[0].weight[0])

    def has_thresholds(self) -> bool:
        return any(layer.activation.is_threshold for layer in self.layers)

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        if not self.layers:
            yield "model.layers must hold at least one layer, got []"
        before = None
        for position, layer in enumerate(self.layers):
            yield from layer.problems_at(f"model.layers[{position}]", before)
            before = len(layer.weight)


class IntervalUnits(StrEnum):
    """Hidden units of the interval net."""

    sign = auto()
    relu = auto()


@dataclass(kw_only=True)
class IntervalNetConfig(GivenConfig):
    """Two hidden units that answer by 1 or -1 whether low <= x_1 + … + x_D <= high, for x of 1 and -1."""

    builder = "dlhw.models.hand_built:interval_net"
    losses = losses_for(Targets.two_classes)
    name: str = "interval_net"
    units: IntervalUnits = IntervalUnits.sign
    """hidden units"""
    low: int = per_run(-1)
    """smallest sum that counts as inside"""
    high: int = per_run(1)
    """largest sum that counts as inside"""

    def has_thresholds(self) -> bool:
        return True

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        if self.low > self.high:
            yield f"model.low must be <= model.high={self.high}, got {self.low}"
