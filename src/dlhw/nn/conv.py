"""Two-dimensional convolution (cross-correlation, as everywhere in deep learning) and sliding windows."""

from collections.abc import Callable

import torch
from torch import Tensor

from dlhw.errors import ConfigError
from dlhw.nn.layer import Context, Layer, ParameterSpec, Params
from dlhw.nn.registry import example


def num_positions(size: int, kernel: int, stride: int, padding: int = 0) -> int:
    """Number of windows that fit along one side: floor((size + 2 padding - kernel) / stride) + 1.

    >>> num_positions(28, 3, 1, 1), num_positions(28, 2, 2)
    (28, 14)
    """
    return (size + 2 * padding - kernel) // stride + 1


def windows_of(x: Tensor, kernel: int, stride: int) -> Tensor:
    """View (…, H, W) as (…, Ho, Wo, k, k): every window that fits, without a copy.

    >>> windows_of(torch.arange(4).view(2, 2), kernel=1, stride=1).shape
    torch.Size([2, 2, 1, 1])
    """
    return x.unfold(-2, kernel, stride).unfold(-2, kernel, stride)


def scatter_windows(
    values_at: Callable[[int, int], Tensor], kernel: int, stride: int, image: Tensor
) -> Tensor:
    """Adjoint of `windows_of`: add the values of all windows to the pixels they came from.

    Args:
        values_at: (row, column) within a window -> the values at that position of every window, (…, Ho, Wo).
        kernel: side k of a window.
        stride: step between windows.
        image: zeros (…, H, W), to which the values are added.
    """
    for row in range(kernel):
        for column in range(kernel):
            values = values_at(row, column)
            rows = slice(row, row + stride * (values.shape[-2] - 1) + 1, stride)
            columns = slice(column, column + stride * (values.shape[-1] - 1) + 1, stride)
            image[..., rows, columns] += values
    return image


def pad_sides(x: Tensor, padding: int) -> Tensor:
    """Add `padding` zeros on each side of the last two dimensions."""
    return torch.nn.functional.pad(x, (padding,) * 4) if padding else x


def crop_sides(x: Tensor, padding: int) -> Tensor:
    """Adjoint of `pad_sides`: remove the border."""
    return x[..., padding : x.shape[-2] - padding, padding : x.shape[-1] - padding] if padding else x


Cache = tuple[Tensor, tuple[int, ...]]


@example("conv2d", (2, 5, 6), lambda runs: Conv2d(2, 3, 3))
@example("conv2d-padding", (1, 5, 4), lambda runs: Conv2d(1, 3, 3, padding=1))
@example("conv2d-stride", (2, 5, 5), lambda runs: Conv2d(2, 2, 2, stride=2, padding=1))
@example("conv2d-gaps", (2, 7, 6), lambda runs: Conv2d(2, 2, 2, stride=3))
class Conv2d(Layer):
    """Convolution of each run, computed as one matrix product over windows ("im2col").

    With X the windows of x as columns, (Q, N*L) for Q = C*k*k and L = Ho*Wo positions:

    out = W X + b      dW = dout X^T      db = sum_nl dout      dX = W^T dout, added to the pixels of X

    As in torch.nn.Conv2d this is a cross-correlation: the filters are not flipped. The output is a view
    (R, N, F, Ho, Wo) of memory in the order (R, F, N, Ho, Wo): the product needs no transposed copy, and
    elementwise layers after it keep the order.

    Args:
        num_channels: number of input channels C.
        num_filters: number of output channels F.
        kernel: side k of the filters.
        stride: step between windows.
        padding: number of zeros added on each side.

    Parameters: `weight` (R, F, C, k, k), `bias` (R, F).

    >>> params = {"weight": torch.ones(1, 1, 1, 2, 2), "bias": torch.zeros(1, 1)}
    >>> image_SNCHW = torch.arange(9.0).view(1, 1, 1, 3, 3)
    >>> Conv2d(1, 1, kernel=2).forward(params, image_SNCHW, Context())[0].tolist()
    [[[[[8.0, 12.0], [20.0, 24.0]]]]]
    """

    def __init__(
        self, num_channels: int, num_filters: int, kernel: int, stride: int = 1, padding: int = 0
    ) -> None:
        self.num_channels, self.num_filters = num_channels, num_filters
        self.kernel, self.stride, self.padding = kernel, stride, padding

    def specs(self) -> dict[str, ParameterSpec]:
        area = self.kernel**2
        fan_in, fan_out = self.num_channels * area, self.num_filters * area
        shape = (self.num_filters, self.num_channels, self.kernel, self.kernel)
        return {
            "weight": ParameterSpec(shape, fan_in, fan_out, is_weight=True),
            "bias": ParameterSpec((self.num_filters,), fan_in, fan_out, is_weight=False),
        }

    def output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        if len(input_shape) != 3 or input_shape[0] != self.num_channels:
            raise ConfigError(
                f"model.filters needs images of shape (channels, height, width), the data has {input_shape}"
            )
        sides = [num_positions(side, self.kernel, self.stride, self.padding) for side in input_shape[1:]]
        if min(sides) < 1:
            raise ConfigError(f"model.kernel={self.kernel} does not fit into an input of {input_shape[1:]}")
        return (self.num_filters, *sides)

    def forward(self, params: Params, x_SNCHW: Tensor, ctx: Context) -> tuple[Tensor, Cache]:
        w_RFQ = params["weight"].flatten(2)
        b_RF1 = params["bias"].unsqueeze(2)
        windows = windows_of(pad_sides(x_SNCHW, self.padding), self.kernel, self.stride)
        S, N, C, Ho, Wo, k, _ = windows.shape
        ordered = windows.permute(0, 2, 5, 6, 1, 3, 4)
        columns = ctx.buffer(self, "columns", tuple(ordered.shape), x_SNCHW)
        columns = ordered.contiguous() if columns is None else columns.copy_(ordered)
        x_RQM = columns.view(S, C * k * k, N * Ho * Wo).expand(w_RFQ.shape[0], -1, -1)
        shape = (w_RFQ.shape[0], self.num_filters, x_RQM.shape[2])
        out_RFM = torch.baddbmm(b_RF1, w_RFQ, x_RQM, out=ctx.buffer(self, "out", shape, w_RFQ))
        return out_RFM.unflatten(2, (N, Ho, Wo)).transpose(1, 2), (x_RQM, tuple(x_SNCHW.shape[-2:]))

    def backward(
        self, params: Params, dout: Tensor, cache: Cache, grads: Params, ctx: Context, *, need_dx: bool
    ) -> Tensor | None:
        x_RQM, (H, W) = cache
        R, N, F, Ho, Wo = dout.shape
        dout_RFM = ctx.aligned(self, "dout", dout.transpose(1, 2).flatten(2))
        torch.bmm(dout_RFM, x_RQM.mT, out=grads["weight"].flatten(2))
        torch.sum(dout_RFM, 2, out=grads["bias"])
        if not need_dx:
            return None
        dx_RQM = torch.bmm(params["weight"].flatten(2).mT, dout_RFM)
        dwindows = dx_RQM.view(R, self.num_channels, self.kernel, self.kernel, N, Ho, Wo)
        padded = dout.new_zeros(R, self.num_channels, N, H + 2 * self.padding, W + 2 * self.padding)
        scatter_windows(lambda row, column: dwindows[:, :, row, column], self.kernel, self.stride, padded)
        return crop_sides(padded, self.padding).transpose(1, 2)
