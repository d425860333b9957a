"""Affine layer with few connections."""

from math import ceil

import torch
from torch import Tensor

from dlhw.nn.affine import Affine
from dlhw.nn.context import Context
from dlhw.nn.layer import Params, Spec


class SparseAffine(Affine):
    """Affine map of each run in which output o only sees the inputs s[1,o] .. s[K,o].

    out[r,n,o] = sum_k x[r,n,s[k,o]] W[r,k,o] + b[r,o]

    Computed as a dense product with D[r,s[k,o],o] = W[r,k,o] and zeros elsewhere:

    dW[r,k,o] = (x^T dout)[r,s[k,o],o]        db = sum_n dout        dx = dout D^T

    Args:
        num_in: input features I.
        sources_KO: the K inputs of each of the O outputs, without repeats within a column.
    """

    def __init__(self, num_in: int, sources_KO: Tensor) -> None:
        super().__init__(num_in, sources_KO.shape[1])
        self.sources_KO = sources_KO

    def specs(self) -> dict[str, Spec]:
        fan_in, units = self.sources_KO.shape
        fan_out = ceil(fan_in * units / self.num_in)
        return {
            "weight": Spec((fan_in, units), fan_in, fan_out, is_weight=True),
            "bias": Spec((units,), fan_in, fan_out, is_weight=False),
        }

    def forward(self, params: Params, x_SNI: Tensor, ctx: Context) -> tuple[Tensor, Tensor]:
        return super().forward({**params, "weight": self._dense(params["weight"])}, x_SNI, ctx)

    def backward(
        self, params: Params, dout_RNO: Tensor, x_RNI: Tensor, grads: Params, ctx: Context, *, need_dx: bool
    ) -> Tensor | None:
        dense_RIO = self._dense(params["weight"])
        dD_RIO = torch.empty_like(dense_RIO)
        passed = super().backward(
            {**params, "weight": dense_RIO},
            dout_RNO,
            x_RNI,
            {**grads, "weight": dD_RIO},
            ctx,
            need_dx=need_dx,
        )
        torch.gather(dD_RIO, 1, self._sources(dD_RIO), out=grads["weight"])
        return passed

    def _dense(self, w_RKO: Tensor) -> Tensor:
        zeros_RIO = w_RKO.new_zeros(w_RKO.shape[0], self.num_in, self.num_out)
        return zeros_RIO.scatter(1, self._sources(w_RKO), w_RKO)

    def _sources(self, like: Tensor) -> Tensor:
        return self.sources_KO.to(like.device).expand(like.shape[0], -1, -1)
