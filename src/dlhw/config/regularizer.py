"""Config group `regularizer`: the penalty whose gradient is added to the loss's."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum, auto

from dlhw.config.fields import per_run
from dlhw.config.group import Group, at_least


class Convention(StrEnum):
    """Courses disagree about the factor of the L2 penalty."""

    half = auto()
    full = auto()


class On(StrEnum):
    """Which parameters are penalised."""

    weights = auto()
    all = auto()


@dataclass(kw_only=True)
class RegularizerConfig(Group):
    """Base of all regularizers."""

    name: str = "???"
    """the regularizer's name, fixed by the choice of the group's option"""


@dataclass(kw_only=True)
class NoRegularizerConfig(RegularizerConfig):
    """No penalty."""

    name: str = "none"


@dataclass(kw_only=True)
class PenaltyConfig(RegularizerConfig):
    """What L1 and L2 share."""

    alpha: float = per_run(1e-3)
    """strength of the penalty"""
    on: On = On.weights
    """weights: leave biases out; all: penalise them too"""

    def problems(self) -> Iterator[str]:
        yield from at_least("regularizer.alpha", self.alpha, 0)


@dataclass(kw_only=True)
class L2Config(PenaltyConfig):
    """Squared norm. half: alpha/2 |W|^2, gradient alpha W; full: alpha |W|^2, gradient 2 alpha W."""

    name: str = "l2"
    convention: Convention = Convention.half
    """half: alpha/2 |W|^2, gradient alpha W; full: alpha |W|^2, gradient 2 alpha W"""


@dataclass(kw_only=True)
class L1Config(PenaltyConfig):
    """Sum of absolute values: alpha * |W|_1 (subgradient alpha*sign(W), 0 at 0)."""

    name: str = "l1"


REGULARIZERS: dict[str, type[RegularizerConfig]] = {
    "none": NoRegularizerConfig,
    "l2": L2Config,
    "l1": L1Config,
}
