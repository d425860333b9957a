"""Inverted dropout."""

import torch
from torch import Tensor

from dlhw.nn.layer import Context, Layer, Params
from dlhw.nn.registry import example


@example("dropout", (6,), lambda runs: Dropout(torch.arange(runs, dtype=torch.float64) / (runs + 1)))
class Dropout(Layer):
    """Inverted dropout: zero each unit with probability p in training and scale up the others.

    y = x * m,   m = [u >= p] / (1 - p),   u uniform in [0, 1)        dx = dout * m

    The expected output equals the input; in evaluation y = x. The numbers u come from `ctx.uniform`, a stream
    of each run's own seed.

    Args:
        rate_R: p of each run, in [0, 1).

    Source: Srivastava et al., "Dropout", JMLR 15 (2014), with the scaling moved to training, as in torch.

    >>> ctx = Context(training=True, uniform=lambda shape: torch.tensor([[[0.1, 0.9]]]))
    >>> Dropout(torch.tensor([0.5])).forward({}, torch.ones(1, 1, 2), ctx)[0].tolist()
    [[[0.0, 2.0]]]
    """

    is_stochastic = True

    def __init__(self, rate_R: Tensor) -> None:
        self.rate_R = rate_R

    def forward(self, params: Params, x: Tensor, ctx: Context) -> tuple[Tensor, Tensor | None]:
        if not ctx.training:
            return x, None
        assert ctx.uniform is not None, "training with dropout needs a stream of uniform numbers"
        rate = self.rate_R.to(x).view(-1, *[1] * (x.dim() - 1))
        u = ctx.uniform(x.shape[1:]).to(x.device)
        mask = (u >= rate).to(x.dtype) / (1 - rate)
        return x * mask, mask

    def backward(
        self,
        params: Params,
        dout: Tensor,
        mask: Tensor | None,
        grads: Params,
        ctx: Context,
        *,
        need_dx: bool,
    ) -> Tensor:
        return dout if mask is None else torch.mul(dout, mask)
