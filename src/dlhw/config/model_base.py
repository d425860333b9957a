"""What every model's config has: how its parameters start."""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from enum import StrEnum, auto

from dlhw.config.fields import per_run
from dlhw.config.group import Group, at_least


class Activation(StrEnum):
    """Elementwise nonlinearity between layers.

    gaussian is exp(-x^2 / 2), absolute |x|, inverse -x; step and sign are threshold units, 1 at 0.
    """

    sigmoid = auto()
    relu = auto()
    tanh = auto()
    identity = auto()
    sine = auto()
    cosine = auto()
    gaussian = auto()
    absolute = auto()
    inverse = auto()
    step = auto()
    sign = auto()


THRESHOLDS = (Activation.step, Activation.sign)


class InitScheme(StrEnum):
    """How weights start; see `dlhw.nn.init` for the formulas."""

    zeros = auto()
    constant = auto()
    normal = auto()
    uniform = auto()
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
    "bound": (InitScheme.uniform,),
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
    """zeros, constant, normal, uniform, xavier_uniform|normal, kaiming_uniform|normal, or torch's default"""
    value: float | None = per_run(None)
    """constant: every weight (default 0)"""
    mean: float | None = per_run(None)
    """normal: mean of the weights (default 0)"""
    std: float | None = per_run(None)
    """normal: standard deviation of the weights (default 0.01)"""
    bound: float | None = per_run(None)
    """uniform: weights, and biases without `bias`, are drawn from +-bound (default 1)"""
    gain: float | None = per_run(None)
    """xavier, kaiming: factor on the standard deviation (default 1; sqrt(2) suits relu)"""
    bias: float | None = per_run(None)
    """every bias (default 0; scheme torch: uniform in +-1/sqrt(fan_in); scheme uniform: as the weights)"""

    def problems(self) -> Iterator[str]:
        for option, schemes in INIT_OPTIONS.items():
            if getattr(self, option) is not None and self.scheme not in schemes:
                allowed = "|".join(schemes)
                yield (
                    f"model.init.{option} is only read by model.init.scheme={allowed}, "
                    f"got scheme={self.scheme}"
                )
        for option in ("std", "bound"):
            if (value := getattr(self, option)) is not None:
                yield from at_least(f"model.init.{option}", value, 0)


def flow(group: Group) -> str:
    """A group on one line, as it can be given in YAML: `{name: fc1, units: 64}`; null is left out."""
    given = {spec.name: getattr(group, spec.name) for spec in fields(group)}
    told = [f"{key}: {_flow(value)}" for key, value in given.items() if value is not None]
    return "{" + ", ".join(told) + "}"


def _flow(value: object) -> str:
    return f"[{', '.join(map(_flow, value))}]" if isinstance(value, list) else str(value)


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

    def num_inputs(self) -> int | None:
        """Inputs that the model is made for; None if it takes any number."""
        return None

    def has_thresholds(self) -> bool:
        """Whether there are step or sign units, which no gradient passes."""
        return False
