"""Elementwise nonlinearities and threshold units.

Where the derivative is a function of the output, only the output is cached.
"""

from abc import abstractmethod
from collections.abc import Sequence
from math import ceil
from typing import Any

import torch
from torch import Tensor

from dlhw.config.model_base import Activation
from dlhw.config.registry import import_builder
from dlhw.nn.layer import Context, Layer, Params
from dlhw.nn.registry import example


class Elementwise(Layer):
    """Base of activations: the cache is the output, or what else the slope depends on."""

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

    def kink_pattern(self, y: Tensor) -> Tensor:
        return y > 0


class Identity(Elementwise):
    """y = x; a linear network has it between its layers."""

    def forward(self, params: Params, x: Tensor, ctx: Context) -> tuple[Tensor, None]:
        return x, None

    def backward(
        self, params: Params, dout: Tensor, cache: None, grads: Params, ctx: Context, *, need_dx: bool
    ) -> Tensor:
        return dout


class Sine(Elementwise):
    """y = sin(x),    dy/dx = cos(x)"""

    def forward(self, params: Params, x: Tensor, ctx: Context) -> tuple[Tensor, Tensor]:
        return torch.sin(x, out=self.buffers(x, ctx, "out")), x

    def backward(
        self, params: Params, dout: Tensor, x: Tensor, grads: Params, ctx: Context, *, need_dx: bool
    ) -> Tensor:
        return torch.mul(dout, torch.cos(x), out=self.buffers(dout, ctx, "dx"))


class Cosine(Elementwise):
    """y = cos(x),    dy/dx = -sin(x)"""

    def forward(self, params: Params, x: Tensor, ctx: Context) -> tuple[Tensor, Tensor]:
        return torch.cos(x, out=self.buffers(x, ctx, "out")), x

    def backward(
        self, params: Params, dout: Tensor, x: Tensor, grads: Params, ctx: Context, *, need_dx: bool
    ) -> Tensor:
        return torch.mul(dout, torch.sin(x).neg_(), out=self.buffers(dout, ctx, "dx"))


class Gaussian(Elementwise):
    """y = exp(-x^2 / 2),    dy/dx = -x y"""

    def forward(self, params: Params, x: Tensor, ctx: Context) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        y = torch.mul(x, x, out=self.buffers(x, ctx, "out"))
        y = y.mul_(-0.5).exp_()
        return y, (x, y)

    def backward(
        self,
        params: Params,
        dout: Tensor,
        cache: tuple[Tensor, Tensor],
        grads: Params,
        ctx: Context,
        *,
        need_dx: bool,
    ) -> Tensor:
        x, y = cache
        return torch.mul(dout, torch.mul(x, y).neg_(), out=self.buffers(dout, ctx, "dx"))


class Absolute(Elementwise):
    """y = |x|,    dy/dx = sign(x); at the kink x = 0 the derivative is 0, as in torch."""

    def forward(self, params: Params, x: Tensor, ctx: Context) -> tuple[Tensor, Tensor]:
        return torch.abs(x, out=self.buffers(x, ctx, "out")), x

    def backward(
        self, params: Params, dout: Tensor, x: Tensor, grads: Params, ctx: Context, *, need_dx: bool
    ) -> Tensor:
        return torch.mul(dout, torch.sign(x), out=self.buffers(dout, ctx, "dx"))

    def kink_pattern(self, x: Tensor) -> Tensor:
        return x > 0


class Inverse(Elementwise):
    """y = -x,    dy/dx = -1; the additive inverse, as Gaier and Ha call it."""

    def forward(self, params: Params, x: Tensor, ctx: Context) -> tuple[Tensor, None]:
        return torch.neg(x, out=self.buffers(x, ctx, "out")), None

    def backward(
        self, params: Params, dout: Tensor, cache: None, grads: Params, ctx: Context, *, need_dx: bool
    ) -> Tensor:
        return torch.neg(dout, out=self.buffers(dout, ctx, "dx"))


@example("per-unit", (7,), lambda runs: PerUnit([Sine(), Absolute(), Identity(), ReLU()]))
class PerUnit(Layer):
    """Another nonlinearity for each unit: y_u = f_k(x_u) with k = u div ceil(U / K) for U units, K kinds.

    Neighbouring units share a kind, so that each kind is applied to one slice.

    Args:
        kinds: the nonlinearities f_1 .. f_K; one object may stand at one place only.
    """

    def __init__(self, kinds: Sequence[Elementwise]) -> None:
        self.kinds = list(kinds)

    def forward(self, params: Params, x: Tensor, ctx: Context) -> tuple[Tensor, list[Any]]:
        passed = [kind.forward(params, x_u, ctx) for kind, x_u in self._slices(x)]
        outputs, caches = [y for y, _ in passed], [cache for _, cache in passed]
        return torch.cat(outputs, -1, out=ctx.buffer(self, "out", tuple(x.shape), x)), caches

    def backward(
        self, params: Params, dout: Tensor, caches: list[Any], grads: Params, ctx: Context, *, need_dx: bool
    ) -> Tensor:
        parts: list[Any] = [
            kind.backward(params, dout_u, cache, grads, ctx, need_dx=need_dx)
            for (kind, dout_u), cache in zip(self._slices(dout), caches, strict=True)
        ]
        return torch.cat(parts, -1, out=ctx.buffer(self, "dx", tuple(dout.shape), dout))

    def kink_pattern(self, caches: list[Any]) -> Tensor | None:
        taken = [kind.kink_pattern(cache) for kind, cache in zip(self.kinds, caches, strict=False)]
        kinked = [branch for branch in taken if branch is not None]
        return torch.cat(kinked, -1) if kinked else None

    def _slices(self, x: Tensor) -> list[tuple[Elementwise, Tensor]]:
        """Each kind with its units; of few units the last kinds get none."""
        share = ceil(x.shape[-1] / len(self.kinds))
        return list(zip(self.kinds, x.split(share, -1), strict=False))


class Threshold(Elementwise):
    """y = low if x < 0, else 1; NaN stays NaN.        dy/dx = 0, also at the jump, where there is none.

    Computed as 1 + (1 - low) floor(clamp(x, -1, 0)): autograd differentiates this to zeros, and NaN passes.
    """

    is_threshold = True

    @property
    @abstractmethod
    def low(self) -> float:
        """The value below 0."""

    def forward(self, params: Params, x: Tensor, ctx: Context) -> tuple[Tensor, Tensor]:
        y = torch.clamp(x, -1, 0, out=self.buffers(x, ctx, "out"))
        y = y.floor_().mul_(1 - self.low).add_(1)
        return y, y

    def backward(
        self, params: Params, dout: Tensor, y: Tensor, grads: Params, ctx: Context, *, need_dx: bool
    ) -> Tensor:
        return torch.zeros_like(dout)

    def kink_pattern(self, y: Tensor) -> Tensor:
        return y > self.low


class Step(Threshold):
    """Heaviside step: y = 0 if x < 0, else 1; so step(0) = 1.

    Source: McCulloch & Pitts, "A logical calculus of the ideas immanent in nervous activity", 1943.
    """

    low = 0.0


class Sign(Threshold):
    """Sign: y = -1 if x < 0, else 1; so sign(0) = 1, where torch.sign has 0.

    Source: Rosenblatt, "The perceptron", Psychological Review 65 (1958), whose units answer with +1 or -1.
    """

    low = -1.0


def build_activation(name: Activation) -> Elementwise:
    """A new layer of the activation that a config names."""
    layer: Elementwise = import_builder(name)()
    return layer
