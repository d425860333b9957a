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
    """Base of activations: x (R, N, …) -> y of the same shape.

    The cache is the tensor that the derivative depends on: the output where possible, else the input.
    """

    def buffer_like(self, x: Tensor, ctx: Context, name: str) -> Tensor | None:
        """The buffer `name` of this layer, shaped like `x`; None without buffers."""
        return ctx.buffer(self, name, tuple(x.shape), x)


class Sigmoid(Elementwise):
    """Logistic sigmoid.

    s = 1 / (1 + exp(-x))        ds/dx = s (1 - s) = s - s^2

    >>> Sigmoid().forward({}, torch.tensor([[[0.0]]]), Context())[0].tolist()
    [[[0.5]]]
    """

    def forward(self, params: Params, x: Tensor, ctx: Context) -> tuple[Tensor, Tensor]:
        s = torch.sigmoid(x, out=self.buffer_like(x, ctx, "out"))
        return s, s

    def backward(
        self, params: Params, dout: Tensor, s: Tensor, grads: Params, ctx: Context, *, need_dx: bool
    ) -> Tensor:
        dx = torch.mul(dout, s, out=self.buffer_like(dout, ctx, "dx"))
        return dx.addcmul_(dx, s, value=-1)


class Tanh(Elementwise):
    """Hyperbolic tangent.

    t = tanh(x)        dt/dx = 1 - t^2

    >>> Tanh().forward({}, torch.tensor([[[0.0]]]), Context())[0].tolist()
    [[[0.0]]]
    """

    def forward(self, params: Params, x: Tensor, ctx: Context) -> tuple[Tensor, Tensor]:
        t = torch.tanh(x, out=self.buffer_like(x, ctx, "out"))
        return t, t

    def backward(
        self, params: Params, dout: Tensor, t: Tensor, grads: Params, ctx: Context, *, need_dx: bool
    ) -> Tensor:
        dout_t = torch.mul(dout, t, out=self.buffer_like(dout, ctx, "dx"))
        return torch.addcmul(dout, dout_t, t, value=-1, out=dout_t)


class ReLU(Elementwise):
    """Rectified linear unit.

    y = max(x, 0)        dy/dx = [y > 0]

    At the kink x = 0 the derivative is 0, as in torch.

    >>> ReLU().forward({}, torch.tensor([[[-1.0, 2.0]]]), Context())[0].tolist()
    [[[0.0, 2.0]]]
    """

    def forward(self, params: Params, x: Tensor, ctx: Context) -> tuple[Tensor, Tensor]:
        # clamp_min would be one call, but its derivative at the kink is torch's choice of 1
        out = self.buffer_like(x, ctx, "out")
        y = torch.relu(x) if out is None else torch.clamp_min(x, 0, out=out)
        return y, y

    def backward(
        self, params: Params, dout: Tensor, y: Tensor, grads: Params, ctx: Context, *, need_dx: bool
    ) -> Tensor:
        return torch.mul(dout, y > 0, out=self.buffer_like(dout, ctx, "dx"))

    def kink_pattern(self, y: Tensor) -> Tensor:
        return y > 0


class Identity(Elementwise):
    """No nonlinearity, for linear networks.

    y = x        dy/dx = 1

    >>> Identity().forward({}, torch.tensor([[[-1.0, 2.0]]]), Context())[0].tolist()
    [[[-1.0, 2.0]]]
    """

    def forward(self, params: Params, x: Tensor, ctx: Context) -> tuple[Tensor, None]:
        return x, None

    def backward(
        self, params: Params, dout: Tensor, cache: None, grads: Params, ctx: Context, *, need_dx: bool
    ) -> Tensor:
        return dout


class Sine(Elementwise):
    """Sine.

    y = sin(x)        dy/dx = cos(x)

    >>> Sine().forward({}, torch.tensor([[[0.0]]]), Context())[0].tolist()
    [[[0.0]]]
    """

    def forward(self, params: Params, x: Tensor, ctx: Context) -> tuple[Tensor, Tensor]:
        return torch.sin(x, out=self.buffer_like(x, ctx, "out")), x

    def backward(
        self, params: Params, dout: Tensor, x: Tensor, grads: Params, ctx: Context, *, need_dx: bool
    ) -> Tensor:
        return torch.mul(dout, torch.cos(x), out=self.buffer_like(dout, ctx, "dx"))


class Cosine(Elementwise):
    """Cosine.

    y = cos(x)        dy/dx = -sin(x)

    >>> Cosine().forward({}, torch.tensor([[[0.0]]]), Context())[0].tolist()
    [[[1.0]]]
    """

    def forward(self, params: Params, x: Tensor, ctx: Context) -> tuple[Tensor, Tensor]:
        return torch.cos(x, out=self.buffer_like(x, ctx, "out")), x

    def backward(
        self, params: Params, dout: Tensor, x: Tensor, grads: Params, ctx: Context, *, need_dx: bool
    ) -> Tensor:
        return torch.mul(dout, torch.sin(x).neg_(), out=self.buffer_like(dout, ctx, "dx"))


class Gaussian(Elementwise):
    """Gaussian bump, not normalized.

    y = exp(-x^2 / 2)        dy/dx = -x y

    >>> Gaussian().forward({}, torch.tensor([[[0.0]]]), Context())[0].tolist()
    [[[1.0]]]
    """

    def forward(self, params: Params, x: Tensor, ctx: Context) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        y = torch.mul(x, x, out=self.buffer_like(x, ctx, "out"))
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
        return torch.mul(dout, torch.mul(x, y).neg_(), out=self.buffer_like(dout, ctx, "dx"))


class Absolute(Elementwise):
    """Absolute value.

    y = |x|        dy/dx = sign(x)

    At the kink x = 0 the derivative is 0, as in torch.

    >>> Absolute().forward({}, torch.tensor([[[-1.0, 2.0]]]), Context())[0].tolist()
    [[[1.0, 2.0]]]
    """

    def forward(self, params: Params, x: Tensor, ctx: Context) -> tuple[Tensor, Tensor]:
        return torch.abs(x, out=self.buffer_like(x, ctx, "out")), x

    def backward(
        self, params: Params, dout: Tensor, x: Tensor, grads: Params, ctx: Context, *, need_dx: bool
    ) -> Tensor:
        return torch.mul(dout, torch.sign(x), out=self.buffer_like(dout, ctx, "dx"))

    def kink_pattern(self, x: Tensor) -> Tensor:
        return x > 0


class Inverse(Elementwise):
    """Additive inverse.

    y = -x        dy/dx = -1

    Source: Gaier & Ha, "Weight Agnostic Neural Networks", 2019, who call it "inverse".

    >>> Inverse().forward({}, torch.tensor([[[-1.0, 2.0]]]), Context())[0].tolist()
    [[[1.0, -2.0]]]
    """

    def forward(self, params: Params, x: Tensor, ctx: Context) -> tuple[Tensor, None]:
        return torch.neg(x, out=self.buffer_like(x, ctx, "out")), None

    def backward(
        self, params: Params, dout: Tensor, cache: None, grads: Params, ctx: Context, *, need_dx: bool
    ) -> Tensor:
        return torch.neg(dout, out=self.buffer_like(dout, ctx, "dx"))


@example("per-unit", (7,), lambda runs: PerUnit([Sine(), Absolute(), Identity(), ReLU()]))
class PerUnit(Layer):
    """A different nonlinearity for each group of units.

    y_u = f_k(x_u),   k = u div ceil(U / K) for U units and K kinds        dy_u/dx_u = f_k'(x_u)

    Neighbouring units share a kind, so that each kind is applied to one slice.

    Args:
        kinds: the nonlinearities f_0 … f_(K-1); each an object of its own, since buffers belong to it.

    >>> PerUnit([ReLU(), Inverse()]).forward({}, torch.tensor([[[-1.0, 2.0, 3.0]]]), Context())[0].tolist()
    [[[0.0, 2.0, -3.0]]]
    """

    def __init__(self, kinds: Sequence[Elementwise]) -> None:
        self.kinds = list(kinds)

    def forward(self, params: Params, x: Tensor, ctx: Context) -> tuple[Tensor, list[Any]]:
        results = [kind.forward(params, x_u, ctx) for kind, x_u in self._slices(x)]
        outputs, caches = [y for y, _ in results], [cache for _, cache in results]
        return torch.cat(outputs, -1, out=ctx.buffer(self, "out", tuple(x.shape), x)), caches

    def backward(
        self, params: Params, dout: Tensor, caches: list[Any], grads: Params, ctx: Context, *, need_dx: bool
    ) -> Tensor:
        gradients: list[Any] = [
            kind.backward(params, dout_u, cache, grads, ctx, need_dx=need_dx)
            for (kind, dout_u), cache in zip(self._slices(dout), caches, strict=True)
        ]
        return torch.cat(gradients, -1, out=ctx.buffer(self, "dx", tuple(dout.shape), dout))

    def kink_pattern(self, caches: list[Any]) -> Tensor | None:
        patterns = [kind.kink_pattern(cache) for kind, cache in zip(self.kinds, caches, strict=False)]
        kinked = [pattern for pattern in patterns if pattern is not None]
        return torch.cat(kinked, -1) if kinked else None

    def _slices(self, x: Tensor) -> list[tuple[Elementwise, Tensor]]:
        """Each kind with its units; with fewer units than kinds the last kinds get none."""
        share = ceil(x.shape[-1] / len(self.kinds))
        return list(zip(self.kinds, x.split(share, -1), strict=False))


class Threshold(Elementwise):
    """Base of threshold units.

    y = low if x < 0, else 1        dy/dx = 0, by definition also at the jump; NaN stays NaN

    Computed as 1 + (1 - low) floor(clamp(x, -1, 0)): autograd differentiates this to zeros, and NaN passes.
    """

    is_threshold = True

    @property
    @abstractmethod
    def low(self) -> float:
        """The output for x < 0."""

    def forward(self, params: Params, x: Tensor, ctx: Context) -> tuple[Tensor, Tensor]:
        y = torch.clamp(x, -1, 0, out=self.buffer_like(x, ctx, "out"))
        y = y.floor_().mul_(1 - self.low).add_(1)
        return y, y

    def backward(
        self, params: Params, dout: Tensor, y: Tensor, grads: Params, ctx: Context, *, need_dx: bool
    ) -> Tensor:
        return torch.zeros_like(dout)

    def kink_pattern(self, y: Tensor) -> Tensor:
        return y > self.low


class Step(Threshold):
    """Heaviside step.

    y = 0 if x < 0, else 1        dy/dx = 0;   step(0) = 1

    Source: McCulloch & Pitts, "A logical calculus of the ideas immanent in nervous activity", 1943.

    >>> Step().forward({}, torch.tensor([[[-1.0, 0.0]]]), Context())[0].tolist()
    [[[0.0, 1.0]]]
    """

    low = 0.0


class Sign(Threshold):
    """Sign.

    y = -1 if x < 0, else 1        dy/dx = 0;   sign(0) = 1, whereas torch.sign(0) = 0

    Source: Rosenblatt, "The perceptron", Psychological Review 65 (1958), whose units answer with +1 or -1.

    >>> Sign().forward({}, torch.tensor([[[-1.0, 0.0]]]), Context())[0].tolist()
    [[[-1.0, 1.0]]]
    """

    low = -1.0


def build_activation(name: Activation) -> Elementwise:
    """A new layer of the activation that a config names."""
    layer: Elementwise = import_builder(name)()
    return layer
