"""Affine layer."""

import torch
from torch import Tensor

from dlhw.errors import ConfigError
from dlhw.nn.context import Context
from dlhw.nn.layer import Layer, Params, Spec

# On the CPU a product with fewer output columns than a vector register has lanes is several times slower
# than the same product transposed (64x128 by 128x10: 97 against 26 microseconds for 8 runs), once the
# work is more than the extra call.
NARROW = 16
WORTH_TRANSPOSING = 1024


class Affine(Layer):
    """Affine map of each run.

    out[r,n,o] = sum_i x[r,n,i] W[r,i,o] + b[r,o]

    dW = x^T dout        db = sum_n dout        dx = dout W^T

    Args:
        num_in: input features I.
        num_out: output features O.
        bias: whether b is there; without it out = x W.
    """

    def __init__(self, num_in: int, num_out: int, *, bias: bool = True) -> None:
        self.num_in, self.num_out, self.bias = num_in, num_out, bias

    def specs(self) -> dict[str, Spec]:
        weight = Spec((self.num_in, self.num_out), self.num_in, self.num_out, is_weight=True)
        bias = Spec((self.num_out,), self.num_in, self.num_out, is_weight=False)
        return {"weight": weight, "bias": bias} if self.bias else {"weight": weight}

    def output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        if input_shape != (self.num_in,):
            raise ConfigError(f"an affine layer of {self.num_in} inputs cannot take shape {input_shape}")
        return (self.num_out,)

    def forward(self, params: Params, x_SNI: Tensor, ctx: Context) -> tuple[Tensor, Tensor]:
        w_RIO, b_RO = params["weight"], params.get("bias")
        x_RNI = ctx.aligned(self, "x", x_SNI).expand(w_RIO.shape[0], -1, -1)
        runs, batch = w_RIO.shape[0], x_RNI.shape[1]
        if self._is_narrow(x_RNI):
            out_RON = ctx.buffer(self, "out", (runs, self.num_out, batch), w_RIO)
            b_RO1 = None if b_RO is None else b_RO.unsqueeze(2)
            return _product(b_RO1, w_RIO.mT, x_RNI.mT, out_RON).mT, x_RNI
        out_RNO = ctx.buffer(self, "out", (runs, batch, self.num_out), w_RIO)
        b_R1O = None if b_RO is None else b_RO.unsqueeze(1)
        return _product(b_R1O, x_RNI, w_RIO, out_RNO), x_RNI

    def backward(
        self, params: Params, dout_RNO: Tensor, x_RNI: Tensor, grads: Params, ctx: Context, *, need_dx: bool
    ) -> Tensor | None:
        dout_RNO = ctx.aligned(self, "dout", dout_RNO)
        dw_RIO = grads["weight"]
        if self._is_narrow(x_RNI):
            dw_ROI = ctx.buffer(self, "dw", tuple(dw_RIO.mT.shape), dout_RNO)
            dw_RIO.copy_(torch.bmm(dout_RNO.mT, x_RNI, out=dw_ROI).mT)
        else:
            torch.bmm(x_RNI.mT, dout_RNO, out=dw_RIO)
        if self.bias:
            torch.sum(dout_RNO, 1, out=grads["bias"])
        if not need_dx:
            return None
        shape = tuple(x_RNI.shape)
        return torch.bmm(dout_RNO, params["weight"].mT, out=ctx.buffer(self, "dx", shape, dout_RNO))

    def _is_narrow(self, x_RNI: Tensor) -> bool:
        few_columns = self.num_out < NARROW and x_RNI.device.type == "cpu"
        return few_columns and x_RNI.shape[1] * self.num_in >= WORTH_TRANSPOSING


def _product(bias: Tensor | None, left: Tensor, right: Tensor, out: Tensor | None) -> Tensor:
    """bias + left right, of each run."""
    return torch.bmm(left, right, out=out) if bias is None else torch.baddbmm(bias, left, right, out=out)
