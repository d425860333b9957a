"""Config group `model`: what maps a batch of inputs to outputs."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum, auto

from dlhw.config.group import Group, at_least, in_half_open, per_run, positive


class Activation(StrEnum):
    """Elementwise nonlinearity between layers."""

    sigmoid = auto()
    relu = auto()
    tanh = auto()
    identity = auto()


class Pooling(StrEnum):
    """Pooling after a convolution's activation."""

    none = auto()
    max = auto()
    avg = auto()


class InitScheme(StrEnum):
    """How weights start; see `dlhw.nn.init` for the formulas."""

    zeros = auto()
    constant = auto()
    normal = auto()
    xavier_uniform = auto()
    xavier_normal = auto()
    kaiming_uniform = auto()
    kaiming_normal = auto()
    torch = auto()


# Which schemes read which option; an option given to a scheme that does not read it is an error, not ignored.
INIT_OPTIONS = {
    "value": (InitScheme.constant,),
    "mean": (InitScheme.normal,),
    "std": (InitScheme.normal,),
    "gain": (
        InitScheme.xavier_uniform,
        InitScheme.xavier_normal,
        InitScheme.kaiming_uniform,
        InitScheme.kaiming_normal,
    ),
}


@dataclass(kw_only=True)
class InitConfig(Group):
    """Initial weights and biases. Options left at null take the scheme's own default."""

    scheme: InitScheme = InitScheme.torch
    """zeros, constant, normal, xavier_uniform|normal, kaiming_uniform|normal, or torch's Linear default"""
    value: float | None = per_run(None)
    """constant: every weight (default 0)"""
    mean: float | None = per_run(None)
    """normal: mean of the weights (default 0)"""
    std: float | None = per_run(None)
    """normal: standard deviation of the weights (default 0.01)"""
    gain: float | None = per_run(None)
    """xavier, kaiming: factor on the standard deviation (default 1; sqrt(2) suits relu)"""
    bias: float | None = per_run(None)
    """every bias (default 0; with scheme torch uniform in +-1/sqrt(fan_in))"""

    def problems(self) -> Iterator[str]:
        for option, schemes in INIT_OPTIONS.items():
            if getattr(self, option) is not None and self.scheme not in schemes:
                allowed = "|".join(schemes)
                yield (
                    f"model.init.{option} is only read by model.init.scheme={allowed}, "
                    f"got scheme={self.scheme}"
                )
        if self.std is not None:
            yield from at_least("model.init.std", self.std, 0)


def zero_init() -> InitConfig:
    """The start of every convex model, whose optimum does not depend on it."""
    return InitConfig(scheme=InitScheme.zeros)


@dataclass(kw_only=True)
class ModelConfig(Group):
    """Base of all models."""

    name: str = "???"
    """the model's name, fixed by the choice of the group's option"""
    init: InitConfig = field(default_factory=InitConfig)
    """initial weights and biases"""

    def problems(self) -> Iterator[str]:
        yield from self.init.problems()


@dataclass(kw_only=True)
class MLPConfig(ModelConfig):
    """Multi-layer perceptron: affine and activation per hidden layer, then an affine output layer."""

    name: str = "mlp"
    hidden: list[int] = field(default_factory=lambda: [128])
    """units of each hidden layer; [] gives a linear model"""
    activation: Activation = Activation.relu
    """nonlinearity after each hidden layer"""
    dropout: float = per_run(0.0)
    """probability of zeroing a hidden unit in training; 0 leaves the layers out"""

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        for position, units in enumerate(self.hidden):
            yield from at_least(f"model.hidden[{position}]", units, 1)
        yield from in_half_open("model.dropout", self.dropout, 0, 1)


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
    init: InitConfig = field(default_factory=zero_init)


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
    pool_size: int = 2
    """height, width and step of the pooling windows"""
    dropout: float = per_run(0.0)
    """probability of zeroing a feature before the output layer in training; 0 leaves the layer out"""

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        if not self.filters:
            yield "model.filters must name at least one convolution, got []"
        for position, filters in enumerate(self.filters):
            yield from at_least(f"model.filters[{position}]", filters, 1)
        yield from positive("model.kernel", self.kernel)
        yield from positive("model.stride", self.stride)
        yield from positive("model.pool_size", self.pool_size)
        yield from in_half_open("model.dropout", self.dropout, 0, 1)
        if self.padding is not None:
            yield from at_least("model.padding", self.padding, 0)
        elif self.kernel % 2 == 0:
            yield f"model.padding must be given when model.kernel is even, got kernel={self.kernel}"


MODELS: dict[str, type[ModelConfig]] = {
    "mlp": MLPConfig,
    "softmax": SoftmaxConfig,
    "logistic": LogisticConfig,
    "perceptron": PerceptronConfig,
    "linear": LinearConfig,
    "cnn": CNNConfig,
}
