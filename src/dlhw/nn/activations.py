"""Elementwise nonlinearities. Each derivative is written through the output, the only thing kept."""

import torch
from torch import Tensor

from dlhw.nn.context import Context
from dlhw.nn.layer import Layer, Params


class Elementwise(Layer):
    """Base of activations: the cache is the output."""

    def buffers(self, x: Tensor, ctx: Context, name: str) -> Tensor | None:
        """Where to write a tensor shaped like `x`."""
        return ctx.buffer(self, name, tuple(x.shape), x)


class Sigmoid(Elementwise):
    """s = 1 / (1 + exp(-x)),    ds/dx = s (1 - s) = s - s^2"""

    def forward(self, params: Params, x: Tensor, ctx: Context) -> tuple[Tensor, Tensor]:
        s = torch.sigmoid(x, out=self.buffers(x, ctx, "out"))
        return s, s

    def backward(
        self, params: Params, dout: Tensor, s: Tensor, grads: Params, ctx: Context, *, need_dx: bool
    ) -> Tensor:
        dx = torch.mul(dout, s, out=self.buffers(dout, ctx, "dx"))
        return dx.addcmul_(dx, s, value=-1)


class Tanh(Elementwise):
    """t = tanh(x),    dt/dx = 1 - t^2"""

    def forward(self, params: Params, x: Tensor, ctx: Context) -> tuple[Tensor, Tensor]:
        t = torch.tanh(x, out=self.buffers(x, ctx, "out"))
        return t, t

    def backward(
        self, params: Params, dout: Tensor, t: Tensor, grads: Params, ctx: Context, *, need_dx: bool
    ) -> Tensor:
        part = torch.mul(dout, t, out=self.buffers(dout, ctx, "dx"))
        return torch.addcmul(dout, part, t, value=-1, out=part)


class ReLU(Elementwise):
    """y = max(x, 0),    dy/dx = [y > 0]; at the kink x = 0 the derivative is 0, as in torch."""

    def forward(self, params: Params, x: Tensor, ctx: Context) -> tuple[Tensor, Tensor]:
        # clamp_min would be one call, but its derivative at the kink is torch's choice of 1
        out = self.buffers(x, ctx, "out")
        y = torch.relu(x) if out is None else torch.clamp_min(x, 0, out=out)
        return y, y

    def backward(
        self, params: Params, dout: Tensor, y: Tensor, grads: Params, ctx: Context, *, need_dx: bool
    ) -> Tensor:
        return torch.mul(dout, y > 0, out=self.buffers(dout, ctx, "dx"))

    def branches(self, y: Tensor) -> Tensor:
        return y > 0


class Identity(Elementwise):
    """y = x; a linear network has it between its layers."""

    def forward(self, params: Params, x: Tensor, ctx: Context) -> tuple[Tensor, None]:
        return x, None

    def backward(
        self, params: Params, dout: Tensor, cache: None, grads: Params, ctx: Context, *, need_dx: bool
    ) -> Tensor:
        return dout
