"""Penalties on parameters: their gradient is added by hand, their value is checked against autograd."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor

from dlhw.config.registry import import_builder
from dlhw.config.regularizer import (
    Convention,
    L1Config,
    L2Config,
    NoRegularizerConfig,
    On,
    PenaltyConfig,
    RegularizerConfig,
)
from dlhw.nn.parameters import ParameterLayout
from dlhw.optim.optimizers import column


class Regularizer(ABC):
    """A penalty of each run."""

    @abstractmethod
    def penalty(self, params_RP: Tensor) -> Tensor:
        """Value of the penalty, (R,)."""

    @abstractmethod
    def add_gradient(self, params_RP: Tensor, grads_RP: Tensor) -> None:
        """Add the penalty's gradient to `grads_RP` in place."""


class NoRegularizer(Regularizer):
    """No penalty."""

    def __init__(
        self, configs: Sequence[NoRegularizerConfig], layout: ParameterLayout, like_RP: Tensor
    ) -> None:
        pass

    def penalty(self, params_RP: Tensor) -> Tensor:
        return params_RP.new_zeros(params_RP.shape[0])

    def add_gradient(self, params_RP: Tensor, grads_RP: Tensor) -> None:
        pass


class NormPenalty(Regularizer):
    """What L1 and L2 share: alpha of each run, and which part of the flat parameters it falls on.

    Args:
        configs: one a run; `on` and `convention` are the same in all.
        layout: weights lie first in it, so `on=weights` is a slice.
        like_RP: gives dtype and device.
    """

    def __init__(self, configs: Sequence[PenaltyConfig], layout: ParameterLayout, like_RP: Tensor) -> None:
        self.num_flat = layout.num_flat_weights if configs[0].on is On.weights else layout.size
        self.alpha_R1 = column([config.alpha for config in configs], like_RP)

    def _part(self, flat_RP: Tensor) -> Tensor:
        return flat_RP[:, : self.num_flat]


class L2(NormPenalty):
    """Squared norm.

    half: alpha/2 |W|^2, gradient alpha W        full: alpha |W|^2, gradient 2 alpha W
    """

    def __init__(self, configs: Sequence[L2Config], layout: ParameterLayout, like_RP: Tensor) -> None:
        super().__init__(configs, layout, like_RP)
        self.slope_R1 = self.alpha_R1 * (2 if configs[0].convention is Convention.full else 1)

    def penalty(self, params_RP: Tensor) -> Tensor:
        return self.slope_R1.squeeze(1) / 2 * self._part(params_RP).square().sum(1)

    def add_gradient(self, params_RP: Tensor, grads_RP: Tensor) -> None:
        self._part(grads_RP).addcmul_(self._part(params_RP), self.slope_R1)


class L1(NormPenalty):
    """Sum of absolute values: alpha |W|_1, subgradient alpha sign(W) with sign(0) = 0."""

    def __init__(self, configs: Sequence[L1Config], layout: ParameterLayout, like_RP: Tensor) -> None:
        super().__init__(configs, layout, like_RP)

    def penalty(self, params_RP: Tensor) -> Tensor:
        return self.alpha_R1.squeeze(1) * self._part(params_RP).abs().sum(1)

    def add_gradient(self, params_RP: Tensor, grads_RP: Tensor) -> None:
        self._part(grads_RP).addcmul_(torch.sign(self._part(params_RP)), self.alpha_R1)


def build_regularizer(
    configs: Sequence[RegularizerConfig], layout: ParameterLayout, like_RP: Tensor
) -> Regularizer:
    """The penalty that the configs name."""
    regularizer: Regularizer = import_builder(configs[0])(configs, layout, like_RP)
    return regularizer
