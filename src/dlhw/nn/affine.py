"""Affine layer."""

import torch
from torch import Tensor

from dlhw.errors import ConfigError
from dlhw.nn.context import Context
from dlhw.nn.layer import Layer, Params, Spec


class Affine(Layer):
    """Affine map of each run.

    out[r,n,o] = sum_i x[r,n,i] W[r,i,o] + b[r,o]

    dW = x^T dout        db = sum_n dout        dx = dout W^T

    Args:
        num_in: input features I.
        num_out: output features O.
    """

    def __init__(self, num_in: int, num_out: int) -> None:
        self.num_in, self.num_out = num_in, num_out

    def specs(self) -> dict[str, Spec]:
        fans = {"fan_in": self.num_in, "fan_out": self.num_out}
        return {
            "weight": Spec((self.num_in, self.num_out), is_weight=True, **fans),
            "bias": Spec((self.num_out,), is_weight=False, **fans),
        }

    def output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        if input_shape != (self.num_in,):
            raise ConfigError(f"an affine layer of {self.num_in} inputs cannot take shape {input_shape}")
        return (self.num_out,)

    def forward(self, params: Params, x_SNI: Tensor, ctx: Context) -> tuple[Tensor, Tensor]:
        w_RIO, b_R1O = params["weight"], params["bias"].unsqueeze(1)
        x_RNI = ctx.aligned(self, "x", x_SNI).expand(w_RIO.shape[0], -1, -1)
        shape = (w_RIO.shape[0], x_RNI.shape[1], self.num_out)
        out_RNO = torch.baddbmm(b_R1O, x_RNI, w_RIO, out=ctx.buffer(self, "out", shape, w_RIO))
        return out_RNO, x_RNI

    def backward(
        self, params: Params, dout_RNO: Tensor, x_RNI: Tensor, grads: Params, ctx: Context, *, need_dx: bool
    ) -> Tensor | None:
        dout_RNO = ctx.aligned(self, "dout", dout_RNO)
        torch.bmm(x_RNI.mT, dout_RNO, out=grads["weight"])
        torch.sum(dout_RNO, 1, out=grads["bias"])
        if not need_dx:
            return None
        shape = tuple(x_RNI.shape)
        return torch.bmm(dout_RNO, params["weight"].mT, out=ctx.buffer(self, "dx", shape, dout_RNO))
