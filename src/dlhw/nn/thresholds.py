"""Threshold units. They are constant but for a jump at 0, so no gradient passes through them."""

from abc import abstractmethod

import torch
from torch import Tensor

from dlhw.nn.activations import Elementwise
from dlhw.nn.context import Context
from dlhw.nn.layer import Params


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

    def branches(self, y: Tensor) -> Tensor:
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
