"""Config group `regularizer`: the penalty whose gradient is added to the loss's."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum, auto

from dlhw.config.fields import per_run
from dlhw.config.group import at_least
from dlhw.config.registry import Option


class Convention(StrEnum):
    """Courses disagree about the factor of the L2 penalty."""

    half = auto()
    full = auto()


class On(StrEnum):
    """Which parameters are penalised."""

    weights = auto()
    all = auto()


@dataclass(kw_only=True)
class RegularizerConfig(Option):
    """Base of all regularizers."""


@dataclass(kw_only=True)
class NoRegularizerConfig(RegularizerConfig):
    """No penalty."""

    builder = "dlhw.optim.regularizers:NoRegularizer"
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

    builder = "dlhw.optim.regularizers:L2"
    name: str = "l2"
    convention: Convention = Convention.half
    """half: alpha/2 |W|^2, gradient alpha W; full: alpha |W|^2, gradient 2 alpha W"""


@dataclass(kw_only=True)
class L1Config(PenaltyConfig):
    """Sum of absolute values: alpha * |W|_1 (subgradient alpha*sign(W), 0 at 0)."""

    builder = "dlhw.optim.regularizers:L1"
    name: str = "l1"
