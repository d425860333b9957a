"""Nets given by their numbers, many at a time on the run axis, and how often they are wrong.

R nets   N inputs   I/O in/out features   S inputs of their own: 1 where all nets share them, else R
"""

from collections.abc import Sequence

from torch import Tensor

from dlhw.nn.affine import Affine
from dlhw.nn.context import Context
from dlhw.nn.layer import Layer


class FixedLayer:
    """One layer of R nets: activation(x W + b).

    Args:
        weight_RIO: W of each net.
        bias_RO: b of each net.
        activation: applied to each sum.
    """

    def __init__(self, weight_RIO: Tensor, bias_RO: Tensor, activation: Layer) -> None:
        self.affine = Affine(weight_RIO.shape[1], weight_RIO.shape[2])
        self.params, self.activation = {"weight": weight_RIO, "bias": bias_RO}, activation

    def __call__(self, x_SNI: Tensor) -> Tensor:
        """Outputs (R, N, O); S is 1 for inputs that all nets share."""
        z_RNO, _ = self.affine.forward(self.params, x_SNI, Context())
        return self.activation.forward({}, z_RNO, Context())[0]


Net = Sequence[FixedLayer]


def answers(net: Net, x_SNI: Tensor) -> Tensor:
    """The last layer's only output, (R, N)."""
    for layer in net:
        x_SNI = layer(x_SNI)
    return x_SNI.squeeze(2)


def mistakes(net: Net, x_SNI: Tensor, labels_RN: Tensor) -> Tensor:
    """How many inputs each net answers with another number than their label, (R,)."""
    return (answers(net, x_SNI) != labels_RN).sum(1)
