"""Pooling over windows of an image."""

import torch
from torch import Tensor
from torch.nn import functional as F

from dlhw.errors import ConfigError
from dlhw.nn.conv import num_positions, scatter_windows
from dlhw.nn.layer import Context, Layer, Params
from dlhw.nn.registry import example


class Pool2d(Layer):
    """Base of poolings over windows of k x k pixels; rows and columns that fill no window are ignored.

    Args:
        kernel: side k of the windows.
        stride: step between windows; None: k, so that windows do not overlap.
    """

    def __init__(self, kernel: int, stride: int | None = None) -> None:
        self.kernel, self.stride = kernel, stride or kernel

    def output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        if len(input_shape) != 3 or min(input_shape[1:]) < self.kernel:
            raise ConfigError(f"model.pool_size={self.kernel} does not fit into an input of {input_shape}")
        return (input_shape[0], *(num_positions(side, self.kernel, self.stride) for side in input_shape[1:]))


@example("maxpool", (2, 4, 5), lambda runs: MaxPool2d(2))
@example("maxpool-overlap", (2, 5, 5), lambda runs: MaxPool2d(3, stride=1))
class MaxPool2d(Pool2d):
    """Maximum of each window.

    y = max of the window        dx = dout at the maximum, 0 elsewhere; of equal maxima the first, row by row

    >>> MaxPool2d(2).forward({}, torch.arange(4.0).view(1, 1, 1, 2, 2), Context())[0].item()
    3.0
    """

    def forward(
        self, params: Params, x_RNCHW: Tensor, ctx: Context
    ) -> tuple[Tensor, tuple[Tensor, torch.Size]]:
        flat = x_RNCHW.flatten(0, 2).unsqueeze(1)
        out, index = F.max_pool2d(flat, self.kernel, self.stride, return_indices=True)
        lead = x_RNCHW.shape[:3]
        return out.squeeze(1).unflatten(0, lead), (index.squeeze(1).unflatten(0, lead), x_RNCHW.shape)

    def backward(
        self,
        params: Params,
        dout: Tensor,
        cache: tuple[Tensor, torch.Size],
        grads: Params,
        ctx: Context,
        *,
        need_dx: bool,
    ) -> Tensor:
        index, (_, *shape) = cache
        dx = dout.new_zeros(dout.shape[0], *shape)
        dx.flatten(-2).scatter_add_(-1, index.expand_as(dout).flatten(-2), dout.flatten(-2))
        return dx

    def kink_pattern(self, cache: tuple[Tensor, torch.Size]) -> Tensor:
        return cache[0]


@example("avgpool", (2, 5, 4), lambda runs: AvgPool2d(2))
@example("avgpool-overlap", (2, 5, 7), lambda runs: AvgPool2d(3, stride=2))
class AvgPool2d(Pool2d):
    """Mean of each window.

    y = sum of the window / k^2        dx = dout / k^2 for every pixel of the window

    >>> AvgPool2d(2).forward({}, torch.arange(4.0).view(1, 1, 1, 2, 2), Context())[0].item()
    1.5
    """

    def forward(self, params: Params, x_RNCHW: Tensor, ctx: Context) -> tuple[Tensor, torch.Size]:
        out = F.avg_pool2d(x_RNCHW.flatten(0, 1), self.kernel, self.stride)
        return out.unflatten(0, x_RNCHW.shape[:2]), x_RNCHW.shape

    def backward(
        self, params: Params, dout: Tensor, shape: torch.Size, grads: Params, ctx: Context, *, need_dx: bool
    ) -> Tensor:
        share = dout / self.kernel**2
        dx = dout.new_zeros(dout.shape[0], *shape[1:])
        return scatter_windows(lambda row, column: share, self.kernel, self.stride, dx)
