"""Affine layer that starts from given numbers."""

from dataclasses import replace

from torch import Tensor

from dlhw.nn.affine import Affine
from dlhw.nn.layer import Spec


class GivenAffine(Affine):
    """An affine layer whose weights and biases are not drawn.

    Args:
        weight_RIO: what the weights start from; R is 1 where all runs start alike.
        bias_RO: what the biases start from.
    """

    def __init__(self, weight_RIO: Tensor, bias_RO: Tensor) -> None:
        super().__init__(weight_RIO.shape[1], weight_RIO.shape[2])
        self.given = {"weight": weight_RIO, "bias": bias_RO}

    def specs(self) -> dict[str, Spec]:
        return {name: replace(spec, given=self.given[name]) for name, spec in super().specs().items()}
