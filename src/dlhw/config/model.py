"""Config group `model`: what maps a batch of inputs to outputs."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum, auto

from dlhw.config.fields import per_run
from dlhw.config.group import at_least, does_nothing, in_half_open, positive
from dlhw.config.model_base import THRESHOLDS, Activation, InitConfig, InitScheme, ModelConfig, zero_init
from dlhw.config.model_dag import DagConfig
from dlhw.config.model_given import HandBuiltConfig, IntervalNetConfig

DEFAULT_POOL_SIZE = 2


class Pooling(StrEnum):
    """Pooling after a convolution's activation."""

    none = auto()
    max = auto()
    avg = auto()


@dataclass(kw_only=True)
class MLPConfig(ModelConfig):
    """Multi-layer perceptron: affine and activation per hidden layer, then an affine output layer."""

    name: str = "mlp"
    hidden: list[int] = field(default_factory=lambda: [128])
    """units of each hidden layer; [] gives a linear model"""
    activation: Activation = Activation.relu
    """nonlinearity after each hidden layer"""
    output: Activation = Activation.identity
    """nonlinearity after the output layer"""
    dropout: float = per_run(0.0)
    """probability of zeroing a hidden unit in training; 0 leaves the layers out"""

    def has_thresholds(self) -> bool:
        return self.output in THRESHOLDS or (bool(self.hidden) and self.activation in THRESHOLDS)

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        for position, units in enumerate(self.hidden):
            yield from at_least(f"model.hidden[{position}]", units, 1)
        yield from in_half_open("model.dropout", self.dropout, 0, 1)
        if not self.hidden:
            yield from self._hidden_problems()

    def _hidden_problems(self) -> Iterator[str]:
        """What is given although there are no hidden layers."""
        needed = "hidden layers, got model.hidden=[]"
        if self.dropout > 0:
            yield does_nothing(f"model.dropout={self.dropout:g}", needed)
        if self.activation is not Activation.relu:
            yield does_nothing(f"model.activation={self.activation}", needed)


@dataclass(kw_only=True)
class SoftmaxConfig(ModelConfig):
    """Multinomial logistic regression: one affine layer, a logit for each class."""

    name: str = "softmax"
    init: InitConfig = field(default_factory=zero_init)


@dataclass(kw_only=True)
class LogisticConfig(ModelConfig):
    """Binary logistic regression: one affine layer, one logit."""

    name: str = "logistic"
    init: InitConfig = field(default_factory=zero_init)


@dataclass(kw_only=True)
class PerceptronConfig(ModelConfig):
    """Multi-class perceptron: one affine layer, trained by the perceptron loss."""

    name: str = "perceptron"
    init: InitConfig = field(default_factory=zero_init)


@dataclass(kw_only=True)
class LinearConfig(ModelConfig):
    """Linear regression: one affine layer, an output for each target."""

    name: str = "linear"
    bias: bool = True
    """whether there is a constant term"""
    init: InitConfig = field(default_factory=zero_init)

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        if not self.bias and self.init.bias is not None:
            yield f"model.init.bias needs model.bias=true, got bias=false and init.bias={self.init.bias}"


@dataclass(kw_only=True)
class CNNConfig(ModelConfig):
    """Small CNN: convolution, activation and optional pooling per block, then an affine output layer."""

    name: str = "cnn"
    filters: list[int] = field(default_factory=lambda: [32])
    """output channels of each convolution"""
    kernel: int = 3
    """height and width of the filters"""
    stride: int = 1
    """step of the convolutions"""
    padding: int | None = None
    """zeros added on each side; null: (kernel - 1) / 2, which keeps the size at stride 1"""
    activation: Activation = Activation.relu
    """nonlinearity after each convolution"""
    pooling: Pooling = Pooling.none
    """pooling after each activation"""
    pool_size: int = DEFAULT_POOL_SIZE
    """height, width and step of the pooling windows"""
    dropout: float = per_run(0.0)
    """probability of zeroing a feature before the output layer in training; 0 leaves the layer out"""

    def has_thresholds(self) -> bool:
        return self.activation in THRESHOLDS

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

    name: str = "quadratic"
    init: InitConfig = field(default_factory=small_constant_init)


def paper_activations() -> list[Activation]:
    """The nonlinearities of Gaier and Ha, "Weight Agnostic Neural Networks" (2019), but the step."""
    named = "identity sine cosine gaussian tanh sigmoid inverse absolute relu"
    return [Activation[name] for name in named.split()]


@dataclass(kw_only=True)
class RandomGraphConfig(ModelConfig):
    """Layers with few random connections, each unit with its own activation; the graph is never trained."""

    name: str = "random_graph"
    hidden: list[int] = field(default_factory=lambda: [64, 64])
    """units of each hidden layer"""
    fan_in: int = 8
    """units of the layer before that each unit sees"""
    activations: list[Activation] = field(default_factory=paper_activations)
    """nonlinearities, dealt out to the units of each hidden layer in equal shares"""
    graph_seed: int = 0
    """the connections are drawn by it"""

    def has_thresholds(self) -> bool:
        return any(activation in THRESHOLDS for activation in self.activations)

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        for position, units in enumerate(self.hidden):
            yield from at_least(f"model.hidden[{position}]", units, 1)
        yield from at_least("model.fan_in", self.fan_in, 1)
        yield from at_least("model.graph_seed", self.graph_seed, 0)
        if not self.activations:
            yield "model.activations must name at least one activation, got []"


MODELS: dict[str, type[ModelConfig]] = {
    "mlp": MLPConfig,
    "softmax": SoftmaxConfig,
    "logistic": LogisticConfig,
    "perceptron": PerceptronConfig,
    "linear": LinearConfig,
    "cnn": CNNConfig,
    "quadratic": QuadraticConfig,
    "dag": DagConfig,
    "random_graph": RandomGraphConfig,
    "hand_built": HandBuiltConfig,
    "interval_net": IntervalNetConfig,
}
