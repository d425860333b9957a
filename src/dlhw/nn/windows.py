"""Sliding windows over images, and the adjoint that puts their values back."""

from collections.abc import Callable

import torch
from torch import Tensor


def num_positions(size: int, kernel: int, stride: int, padding: int = 0) -> int:
    """How many windows fit along one side: floor((size + 2 padding - kernel) / stride) + 1.

    >>> num_positions(28, 3, 1, 1), num_positions(28, 2, 2)
    (28, 14)
    """
    return (size + 2 * padding - kernel) // stride + 1


def windows_of(x: Tensor, kernel: int, stride: int) -> Tensor:
    """View (..., H, W) as (..., Ho, Wo, k, k): every window that fits, without a copy."""
    return x.unfold(-2, kernel, stride).unfold(-2, kernel, stride)


def scatter_windows(part: Callable[[int, int], Tensor], kernel: int, stride: int, image: Tensor) -> Tensor:
    """Adjoint of `windows_of`: add the values of all windows to the pixels that they came from.

    Args:
        part: (row, column) within the window -> values of that place in every window, (..., Ho, Wo).
        kernel: side k of a window.
        stride: step between windows.
        image: zeros (..., H, W) that are added to.
    """
    for row in range(kernel):
        for column in range(kernel):
            values = part(row, column)
            rows = slice(row, row + stride * (values.shape[-2] - 1) + 1, stride)
            columns = slice(column, column + stride * (values.shape[-1] - 1) + 1, stride)
            image[..., rows, columns] += values
    return image


def pad_sides(x: Tensor, padding: int) -> Tensor:
    """Add `padding` zeros on each side of the last two dimensions."""
    return torch.nn.functional.pad(x, (padding,) * 4) if padding else x


def crop_sides(x: Tensor, padding: int) -> Tensor:
    """Adjoint of `pad_sides`: leave the border out."""
    return x[..., padding : x.shape[-2] - padding, padding : x.shape[-1] - padding] if padding else x
