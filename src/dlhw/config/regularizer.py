"""Config group `regularizer`: penalties whose gradient is added to that of the loss."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum, auto

from dlhw.config.fields import per_run
from dlhw.config.group import at_least
from dlhw.config.registry import Option


class Convention(StrEnum):
    """The factor of the L2 penalty, on which courses disagree."""

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
    """Base of L1 and L2."""

    alpha: float = per_run(1e-3)
    """strength of the penalty"""
    on: On = On.weights
    """which parameters are penalised. weights: no biases; all: biases too"""

    def problems(self) -> Iterator[str]:
        yield from at_least("regularizer.alpha", self.alpha, 0)


@dataclass(kw_only=True)
class L2Config(PenaltyConfig):
    """Squared norm. half: alpha/2 |W|^2, gradient alpha W; full: alpha |W|^2, gradient 2 alpha W."""

    builder = "dlhw.optim.regularizers:L2"
    name: str = "l2"
    convention: Convention = Convention.half
    """factor of the penalty. half: alpha/2 |W|^2, gradient alpha W; full: alpha |W|^2, gradient 2 alpha W"""


@dataclass(kw_only=True)
class L1Config(PenaltyConfig):
    """Sum of absolute values: alpha |W|_1, subgradient alpha sign(W) with sign(0) = 0."""

    builder = "dlhw.optim.regularizers:L1"
    name: str = "l1"
