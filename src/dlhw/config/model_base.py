"""The base of all models, activations and initialization schemes."""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import ClassVar

from dlhw.config.fields import per_run
from dlhw.config.group import Group, at_least
from dlhw.config.loss import EVERY_LOSS, LossName
from dlhw.config.registry import Choice, Option


class Activation(Choice):
    """Elementwise nonlinearity between layers.

    gaussian is exp(-x^2 / 2), absolute |x|, inverse -x; step and sign are threshold units, 1 at 0.
    """

    is_threshold: bool
    """whether it jumps and is constant elsewhere, so that no gradient passes it"""

    def __init__(self, value: str, builder: str = "", is_threshold: bool = False) -> None:
        super().__init__(value, builder)
        self.is_threshold = is_threshold

    sigmoid = "sigmoid", "dlhw.nn.activations:Sigmoid"
    relu = "relu", "dlhw.nn.activations:ReLU"
    tanh = "tanh", "dlhw.nn.activations:Tanh"
    identity = "identity", "dlhw.nn.activations:Identity"
    sine = "sine", "dlhw.nn.activations:Sine"
    cosine = "cosine", "dlhw.nn.activations:Cosine"
    gaussian = "gaussian", "dlhw.nn.activations:Gaussian"
    absolute = "absolute", "dlhw.nn.activations:Absolute"
    inverse = "inverse", "dlhw.nn.activations:Inverse"
    step = "step", "dlhw.nn.activations:Step", True
    sign = "sign", "dlhw.nn.activations:Sign", True


class InitScheme(Choice):
    """How weights are initialized; see `dlhw.nn.init` for the formulas."""

    options: tuple[str, ...]
    """which keys of `model.init` it reads; setting any other one is an error"""
    draws_bias: bool
    """whether biases are drawn as the weights are, unless `model.init.bias` is given"""

    def __init__(
        self, value: str, builder: str = "", options: tuple[str, ...] = (), draws_bias: bool = False
    ) -> None:
        super().__init__(value, builder)
        self.options, self.draws_bias = options, draws_bias

    zeros = "zeros", "dlhw.nn.init:zeros"
    constant = "constant", "dlhw.nn.init:constant", ("value",)
    normal = "normal", "dlhw.nn.init:normal", ("mean", "std")
    uniform = "uniform", "dlhw.nn.init:uniform", ("bound",), True
    xavier_uniform = "xavier_uniform", "dlhw.nn.init:xavier_uniform", ("gain",)
    xavier_normal = "xavier_normal", "dlhw.nn.init:xavier_normal", ("gain",)
    kaiming_uniform = "kaiming_uniform", "dlhw.nn.init:kaiming_uniform", ("gain",)
    kaiming_normal = "kaiming_normal", "dlhw.nn.init:kaiming_normal", ("gain",)
    torch = "torch", "dlhw.nn.init:torch_default", (), True


@dataclass(kw_only=True)
class InitConfig(Group):
    """Initial weights and biases. Keys left at null take the scheme's own default."""

    scheme: InitScheme = InitScheme.torch
    """how the weights are drawn; torch is the default of torch.nn.Linear and Conv2d"""
    value: float | None = per_run(None)
    """constant: value of every weight (default 0)"""
    mean: float | None = per_run(None)
    """normal: mean of the weights (default 0)"""
    std: float | None = per_run(None)
    """normal: standard deviation of the weights (default 0.01)"""
    bound: float | None = per_run(None)
    """uniform: weights, and biases if `bias` is null, are drawn from +-bound (default 1)"""
    gain: float | None = per_run(None)
    """xavier, kaiming: factor on the standard deviation (default 1; sqrt(2) suits relu)"""
    bias: float | None = per_run(None)
    """value of every bias (default 0; scheme torch: drawn from +-1/sqrt(fan_in); uniform: as the weights)"""

    def problems(self) -> Iterator[str]:
        for option in dict.fromkeys(option for scheme in InitScheme for option in scheme.options):
            if getattr(self, option) is not None and option not in self.scheme.options:
                allowed = "|".join(scheme for scheme in InitScheme if option in scheme.options)
                yield (
                    f"model.init.{option} is only read by model.init.scheme={allowed}, "
                    f"got scheme={self.scheme}"
                )
        for option in ("std", "bound"):
            if (value := getattr(self, option)) is not None:
                yield from at_least(f"model.init.{option}", value, 0)


def flow(group: Group) -> str:
    """A group on one line of YAML: `{name: fc1, units: 64}`; nulls are left out."""
    given = {spec.name: getattr(group, spec.name) for spec in fields(group)}
    items = [f"{key}: {_flow(value)}" for key, value in given.items() if value is not None]
    return "{" + ", ".join(items) + "}"


def _flow(value: object) -> str:
    return f"[{', '.join(map(_flow, value))}]" if isinstance(value, list) else str(value)


def zero_init() -> InitConfig:
    """The initialization of convex models, whose optimum does not depend on it."""
    return InitConfig(scheme=InitScheme.zeros)


@dataclass(kw_only=True)
class ModelConfig(Option):
    """Base of all models."""

    losses: ClassVar[tuple[LossName, ...]] = EVERY_LOSS
    """what it can be trained with; the first that fits the task is what `loss=auto` takes"""

    init: InitConfig = field(default_factory=InitConfig)
    """initial weights and biases"""

    def problems(self) -> Iterator[str]:
        yield from self.init.problems()

    def num_inputs(self) -> int | None:
        """Number of inputs that the model requires; None if it accepts any number."""
        return None

    def has_thresholds(self) -> bool:
        """Whether it has step or sign units, which no gradient passes."""
        return False

    def has_closed_form(self) -> bool:
        """Whether an optimizer in closed form can solve for its weights."""
        return False
