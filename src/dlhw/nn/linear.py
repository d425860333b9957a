"""Affine layers: dense, with given initial values, quadratically parameterized, sparse."""

from dataclasses import replace
from math import ceil

import torch
from torch import Tensor

from dlhw.errors import ConfigError
from dlhw.nn.layer import NO_PARAMS, Context, Layer, ParameterSpec, Params
from dlhw.nn.registry import example

# On the CPU a product with fewer output columns than a vector register has lanes is several times slower
# than the same product transposed (64x128 by 128x10: 97 against 26 microseconds for 8 runs), once the
# work is more than the extra call.
NARROW = 16
WORTH_TRANSPOSING = 1024


@example("affine", (5,), lambda runs: Affine(5, 4))
@example("affine-no-bias", (5,), lambda runs: Affine(5, 4, bias=False))
class Affine(Layer):
    """Affine map of each run.

    out[r,n,o] = sum_i x[r,n,i] W[r,i,o] + b[r,o]

    dW = x^T dout        db = sum_n dout        dx = dout W^T

    Args:
        num_in: number of input features I.
        num_out: number of output features O.
        bias: whether the layer has b; without it out = x W.

    Parameters: `weight` (R, I, O), `bias` (R, O). The weight is the transpose of torch.nn.Linear's.

    >>> params = {"weight": torch.tensor([[[1.0], [2.0]]]), "bias": torch.tensor([[0.5]])}
    >>> out_RNO, cache = Affine(2, 1).forward(params, torch.tensor([[[3.0, 4.0]]]), Context())
    >>> out_RNO.tolist()
    [[[11.5]]]
    """

    def __init__(self, num_in: int, num_out: int, *, bias: bool = True) -> None:
        self.num_in, self.num_out, self.bias = num_in, num_out, bias

    def specs(self) -> dict[str, ParameterSpec]:
        weight = ParameterSpec((self.num_in, self.num_out), self.num_in, self.num_out, is_weight=True)
        bias = ParameterSpec((self.num_out,), self.num_in, self.num_out, is_weight=False)
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
    """bias + left @ right for each run."""
    return torch.bmm(left, right, out=out) if bias is None else torch.baddbmm(bias, left, right, out=out)


@example("affine-given", (5,), lambda runs: GivenAffine(torch.zeros(runs, 5, 4), torch.zeros(runs, 4)))
class GivenAffine(Affine):
    """Affine layer that starts from given numbers instead of random ones.

    Args:
        weight_RIO: initial weights; R is 1 if all runs start from the same ones.
        bias_RO: initial biases.

    >>> layer = GivenAffine(torch.ones(1, 3, 2), torch.zeros(1, 2))
    >>> layer.specs()["bias"].initial_value.tolist()
    [[0.0, 0.0]]
    """

    def __init__(self, weight_RIO: Tensor, bias_RO: Tensor) -> None:
        super().__init__(weight_RIO.shape[1], weight_RIO.shape[2])
        self.initial_values = {"weight": weight_RIO, "bias": bias_RO}

    def specs(self) -> dict[str, ParameterSpec]:
        return {
            name: replace(spec, initial_value=self.initial_values[name])
            for name, spec in super().specs().items()
        }


@example("quadratic", (5,), lambda runs: QuadraticParameterization(5, 4))
class QuadraticParameterization(Affine):
    """Linear map of each run whose weights are differences of squares, without bias.

    out[r,n,o] = sum_i x[r,n,i] W[r,i,o],    W = theta^2 - phi^2 (elementwise)

    dtheta = 2 theta (x^T dout)        dphi = -2 phi (x^T dout)        dx = dout W^T

    Gradient descent from small theta = phi > 0 finds sparse W, from large ones W of small norm.

    Args:
        num_in: number of input features I.
        num_out: number of output features O.

    Parameters: `theta` and `phi`, (R, I, O).

    Source: Woodworth et al., "Kernel and rich regimes in overparametrized models", COLT 2020.

    >>> params = {"theta": torch.tensor([[[2.0]]]), "phi": torch.tensor([[[1.0]]])}
    >>> QuadraticParameterization(1, 1).forward(params, torch.tensor([[[5.0]]]), Context())[0].tolist()
    [[[15.0]]]
    """

    def __init__(self, num_in: int, num_out: int) -> None:
        super().__init__(num_in, num_out, bias=False)

    def specs(self) -> dict[str, ParameterSpec]:
        spec = super().specs()["weight"]
        return {"theta": spec, "phi": spec}

    def forward(self, params: Params, x_SNI: Tensor, ctx: Context) -> tuple[Tensor, Tensor]:
        return super().forward(self._weight(params, ctx), x_SNI, ctx)

    def backward(
        self, params: Params, dout_RNO: Tensor, x_RNI: Tensor, grads: Params, ctx: Context, *, need_dx: bool
    ) -> Tensor | None:
        weight = self._weight(params, ctx) if need_dx else NO_PARAMS
        # dW is written into the buffer of dphi, which is computed from it last
        dw = {"weight": grads["phi"]}
        dx = super().backward(weight, dout_RNO, x_RNI, dw, ctx, need_dx=need_dx)
        torch.mul(grads["phi"], params["theta"], out=grads["theta"]).mul_(2)
        grads["phi"].mul_(params["phi"]).mul_(-2)
        return dx

    def _weight(self, params: Params, ctx: Context) -> Params:
        theta_RIO, phi_RIO = params["theta"], params["phi"]
        buffer = ctx.buffer(self, "w", tuple(theta_RIO.shape), theta_RIO)
        # the product of sum and difference: for close theta and phi a difference of squares would cancel
        return {"weight": torch.mul(theta_RIO + phi_RIO, theta_RIO - phi_RIO, out=buffer)}


@example("affine-sparse", (5,), lambda runs: SparseAffine(5, torch.tensor([[0, 4, 1, 3], [2, 1, 0, 4]])))
class SparseAffine(Affine):
    """Affine map of each run in which output o sees only the inputs s[1,o] … s[K,o].

    out[r,n,o] = sum_k x[r,n,s[k,o]] W[r,k,o] + b[r,o]

    Computed as a dense product with D[r,s[k,o],o] = W[r,k,o] and zeros elsewhere:

    dW[r,k,o] = (x^T dout)[r,s[k,o],o]        db = sum_n dout        dx = dout D^T

    Args:
        num_in: number of input features I.
        sources_KO: the K inputs of each of the O outputs, without repeats within a column.

    Parameters: `weight` (R, K, O), `bias` (R, O).

    >>> layer = SparseAffine(3, torch.tensor([[0, 2]]))  # the first output sees input 0, the second input 2
    >>> params = {"weight": torch.tensor([[[1.0, 10.0]]]), "bias": torch.zeros(1, 2)}
    >>> layer.forward(params, torch.tensor([[[1.0, 2.0, 3.0]]]), Context())[0].tolist()
    [[[1.0, 30.0]]]
    """

    def __init__(self, num_in: int, sources_KO: Tensor) -> None:
        super().__init__(num_in, sources_KO.shape[1])
        self.sources_KO = sources_KO

    def specs(self) -> dict[str, ParameterSpec]:
        fan_in, units = self.sources_KO.shape
        fan_out = ceil(fan_in * units / self.num_in)
        return {
            "weight": ParameterSpec((fan_in, units), fan_in, fan_out, is_weight=True),
            "bias": ParameterSpec((units,), fan_in, fan_out, is_weight=False),
        }

    def forward(self, params: Params, x_SNI: Tensor, ctx: Context) -> tuple[Tensor, Tensor]:
        return super().forward({**params, "weight": self._dense(params["weight"])}, x_SNI, ctx)

    def backward(
        self, params: Params, dout_RNO: Tensor, x_RNI: Tensor, grads: Params, ctx: Context, *, need_dx: bool
    ) -> Tensor | None:
        dense_RIO = self._dense(params["weight"])
        dD_RIO = torch.empty_like(dense_RIO)
        dx = super().backward(
            {**params, "weight": dense_RIO},
            dout_RNO,
            x_RNI,
            {**grads, "weight": dD_RIO},
            ctx,
            need_dx=need_dx,
        )
        torch.gather(dD_RIO, 1, self._sources(dD_RIO), out=grads["weight"])
        return dx

    def _dense(self, w_RKO: Tensor) -> Tensor:
        zeros_RIO = w_RKO.new_zeros(w_RKO.shape[0], self.num_in, self.num_out)
        return zeros_RIO.scatter(1, self._sources(w_RKO), w_RKO)

    def _sources(self, like: Tensor) -> Tensor:
        return self.sources_KO.to(like.device).expand(like.shape[0], -1, -1)
