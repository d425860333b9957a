"""Quadratically parameterized linear layer."""

import torch
from torch import Tensor

from dlhw.nn.affine import Affine
from dlhw.nn.context import Context
from dlhw.nn.layer import NO_PARAMS, Params, Spec


class QuadraticParameterization(Affine):
    """Linear map of each run whose weights are differences of squares; no bias.

    out[r,n,o] = sum_i x[r,n,i] W[r,i,o],    W = theta^2 - phi^2 (elementwise)

    dtheta = 2 theta (x^T dout)        dphi = -2 phi (x^T dout)        dx = dout W^T

    Gradient descent from small theta = phi > 0 finds sparse W, from large ones W of small norm.

    Args:
        num_in: input features I.
        num_out: output features O.

    Source: Woodworth et al., "Kernel and rich regimes in overparametrized models", COLT 2020.
    """

    def __init__(self, num_in: int, num_out: int) -> None:
        super().__init__(num_in, num_out, bias=False)

    def specs(self) -> dict[str, Spec]:
        spec = super().specs()["weight"]
        return {"theta": spec, "phi": spec}

    def forward(self, params: Params, x_SNI: Tensor, ctx: Context) -> tuple[Tensor, Tensor]:
        return super().forward(self._weight(params, ctx), x_SNI, ctx)

    def backward(
        self, params: Params, dout_RNO: Tensor, x_RNI: Tensor, grads: Params, ctx: Context, *, need_dx: bool
    ) -> Tensor | None:
        weight = self._weight(params, ctx) if need_dx else NO_PARAMS
        # dW goes where dphi belongs, and becomes it last
        dw = {"weight": grads["phi"]}
        dx = super().backward(weight, dout_RNO, x_RNI, dw, ctx, need_dx=need_dx)
        torch.mul(grads["phi"], params["theta"], out=grads["theta"]).mul_(2)
        grads["phi"].mul_(params["phi"]).mul_(-2)
        return dx

    def _weight(self, params: Params, ctx: Context) -> Params:
        theta_RIO, phi_RIO = params["theta"], params["phi"]
        buffer = ctx.buffer(self, "w", tuple(theta_RIO.shape), theta_RIO)
        # as a product of sum and difference: where theta and phi are close, squares would cancel
        return {"weight": torch.mul(theta_RIO + phi_RIO, theta_RIO - phi_RIO, out=buffer)}
