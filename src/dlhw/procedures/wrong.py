"""Layers and losses that are wrong on purpose, to show that the identities detect them."""

import torch
from torch import Tensor

from dlhw.config.procedure import Wrong
from dlhw.nn.activations import Sigmoid
from dlhw.nn.affine import Affine
from dlhw.nn.context import Context
from dlhw.nn.layer import Layer, Params
from dlhw.nn.losses import BinaryCrossEntropy, CrossEntropy, Loss
from dlhw.procedures.formulas import FEATURES


class ScaledSoftmax(CrossEntropy):
    """A gradient that is too small by a billionth."""

    def backward(self, out_RNK: Tensor, targets: Tensor) -> Tensor:
        return super().backward(out_RNK, targets) * (1 - 1e-9)


class TemperedSoftmax(CrossEntropy):
    """On the simplex, but not the minimiser."""

    def backward(self, out_RNK: Tensor, targets: Tensor) -> Tensor:
        return super().backward(out_RNK * (1 + 1e-9), targets)


class SlopedBinary(BinaryCrossEntropy):
    """Multiplies by s (1 - s), as a squared error would."""

    def backward(self, out_RNK: Tensor, targets: Tensor) -> Tensor:
        s = torch.sigmoid(out_RNK)
        return super().backward(out_RNK, targets) * s * (1 - s)


class SquareSigmoid(Sigmoid):
    """ds/dx = s^2."""

    def backward(
        self, params: Params, dout: Tensor, s: Tensor, grads: Params, ctx: Context, *, need_dx: bool
    ) -> Tensor:
        return dout * s * s


class UntransposedAffine(Affine):
    """dx = dout W."""

    def backward(
        self, params: Params, dout_RNO: Tensor, x_RNI: Tensor, grads: Params, ctx: Context, *, need_dx: bool
    ) -> Tensor:
        return torch.bmm(dout_RNO, params["weight"])


WRONG: dict[Wrong, Layer | Loss] = {
    Wrong.scaled_softmax: ScaledSoftmax(),
    Wrong.tempered_softmax: TemperedSoftmax(),
    Wrong.sloped_binary: SlopedBinary(),
    Wrong.square_sigmoid: SquareSigmoid(),
    Wrong.untransposed_affine: UntransposedAffine(FEATURES, FEATURES),
}
