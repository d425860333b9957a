"""Penalties on parameters, with hand-written gradients."""

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
    """Base of penalties on the flat parameters (R, P)."""

    @abstractmethod
    def penalty(self, params_RP: Tensor) -> Tensor:
        """Value of each run's penalty, (R,)."""

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
    """Base of L1 and L2: alpha of each run, and the slice of the flat parameters that is penalised.

    Args:
        configs: one a run; `on` and `convention` are the same in all.
        layout: of the parameters; weights come first, so that `on=weights` is a slice.
        like_RP: a tensor of the dtype and device of the parameters.
    """

    def __init__(self, configs: Sequence[PenaltyConfig], layout: ParameterLayout, like_RP: Tensor) -> None:
        self.num_flat = layout.num_flat_weights if configs[0].on is On.weights else layout.size
        self.alpha_R1 = column([config.alpha for config in configs], like_RP)

    def _penalised(self, flat_RP: Tensor) -> Tensor:
        return flat_RP[:, : self.num_flat]


class L2(NormPenalty):
    """Squared L2 norm.

    half: alpha/2 |W|^2, gradient alpha W        full: alpha |W|^2, gradient 2 alpha W

    The sum over all penalised entries, not their mean. `half` is the weight_decay of torch.optim.SGD.

    >>> from dlhw.nn.linear import Affine
    >>> layout = ParameterLayout({"fc": Affine(2, 1, bias=False).specs()})
    >>> params_RP = layout.zeros(1, torch.float64, torch.device("cpu"))
    >>> params_RP[0, :2] = torch.tensor([3.0, 4.0])
    >>> L2([L2Config(alpha=0.1)], layout, params_RP).penalty(params_RP).tolist()  # 0.1/2 (9 + 16)
    [1.25]
    """

    def __init__(self, configs: Sequence[L2Config], layout: ParameterLayout, like_RP: Tensor) -> None:
        super().__init__(configs, layout, like_RP)
        self.slope_R1 = self.alpha_R1 * (2 if configs[0].convention is Convention.full else 1)

    def penalty(self, params_RP: Tensor) -> Tensor:
        return self.slope_R1.squeeze(1) / 2 * self._penalised(params_RP).square().sum(1)

    def add_gradient(self, params_RP: Tensor, grads_RP: Tensor) -> None:
        self._penalised(grads_RP).addcmul_(self._penalised(params_RP), self.slope_R1)


class L1(NormPenalty):
    """L1 norm.

    alpha |W|_1        subgradient alpha sign(W) with sign(0) = 0

    The sum over all penalised entries, not their mean.

    >>> from dlhw.nn.linear import Affine
    >>> layout = ParameterLayout({"fc": Affine(2, 1, bias=False).specs()})
    >>> params_RP = layout.zeros(1, torch.float64, torch.device("cpu"))
    >>> params_RP[0, :2] = torch.tensor([3.0, -4.0])
    >>> L1([L1Config(alpha=0.5)], layout, params_RP).penalty(params_RP).tolist()
    [3.5]
    """

    def __init__(self, configs: Sequence[L1Config], layout: ParameterLayout, like_RP: Tensor) -> None:
        super().__init__(configs, layout, like_RP)

    def penalty(self, params_RP: Tensor) -> Tensor:
        return self.alpha_R1.squeeze(1) * self._penalised(params_RP).abs().sum(1)

    def add_gradient(self, params_RP: Tensor, grads_RP: Tensor) -> None:
        self._penalised(grads_RP).addcmul_(torch.sign(self._penalised(params_RP)), self.alpha_R1)


def build_regularizer(
    configs: Sequence[RegularizerConfig], layout: ParameterLayout, like_RP: Tensor
) -> Regularizer:
    """Build the penalty of a cohort.

    Args:
        configs: one a run, all of the same class.
        layout: of the parameters.
        like_RP: a tensor of the dtype and device of the parameters.
    """
    regularizer: Regularizer = import_builder(configs[0])(configs, layout, like_RP)
    return regularizer
