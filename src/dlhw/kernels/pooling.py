"""Pooling layers in compiled code, image by image; the formulas are those of `dlhw.nn.pooling`."""

from collections.abc import Callable
from typing import Any

from dlhw.kernels.affine import fill
from dlhw.kernels.layer_table import LayerFunctions
from dlhw.kernels.numba_support import compiled, offset


@compiled
def area_of(kernel: int, one: Any) -> Any:
    """Return k k in the floating-point type of `one`."""
    area = one - one
    for _ in range(kernel * kernel):
        area += one
    return area


@compiled
def first_largest(window: Any, width: int, kernel: int) -> int:
    """Return the offset of the largest pixel of a window: the first of equal ones, NaN above all."""
    top = 0
    for a in range(kernel):
        for b in range(kernel):
            value = window[a * width + b]
            if value > window[top] or value != value:
                top = a * width + b
    return top


@compiled
def forward_pooling(layer: Any, x: Any, h: Any, samples: int, is_max: bool, one: Any) -> None:
    """h <- largest or mean value of each window"""
    kernel, stride, height, width = layer.kernel, layer.stride, layer.height, layer.width
    rows, out_width = layer.out_height, layer.out_width
    area = area_of(kernel, one)
    for plane in range(samples * layer.channels):
        for row in range(rows):
            line = offset(x, (plane * height + row * stride) * width)
            out = offset(h, (plane * rows + row) * out_width)
            for j in range(out_width):
                window = offset(line, j * stride)
                if is_max:
                    out[j] = window[first_largest(window, width, kernel)]
                    continue
                out[j] = one - one
                for a in range(kernel):
                    for b in range(kernel):
                        out[j] += window[a * width + b]
                out[j] /= area


@compiled
def backward_pooling(layer: Any, x: Any, d: Any, dx: Any, samples: int, is_max: bool, one: Any) -> None:
    """dx <- d at the largest pixel of each window, or in equal shares at all of its pixels"""
    kernel, stride, height, width = layer.kernel, layer.stride, layer.height, layer.width
    rows, out_width = layer.out_height, layer.out_width
    area = area_of(kernel, one)
    fill(dx, samples * layer.fan_in, one - one)
    for plane in range(samples * layer.channels):
        for row in range(rows):
            start = (plane * height + row * stride) * width
            for j in range(out_width):
                value = d[(plane * rows + row) * out_width + j]
                to = offset(dx, start + j * stride)
                if is_max:
                    window = offset(x, start + j * stride)
                    to[first_largest(window, width, kernel)] += value
                    continue
                for a in range(kernel):
                    for b in range(kernel):
                        to[a * width + b] += value / area


def max_pooling_functions(real: Any, activate: Callable[..., Any]) -> LayerFunctions:
    """Return the functions for one floating-point type."""
    return _pooling_functions(real, activate, is_max=True)


def average_pooling_functions(real: Any, activate: Callable[..., Any]) -> LayerFunctions:
    """Return the functions for one floating-point type."""
    return _pooling_functions(real, activate, is_max=False)


def _pooling_functions(real: Any, activate: Callable[..., Any], *, is_max: bool) -> LayerFunctions:
    ONE = real(1)

    @compiled
    def forward(
        gemm: Any, layer: Any, row: Any, lists: Any, background: Any, x: Any, h: Any, scratch: Any,
        samples: int,
    ) -> Any:  # fmt: skip
        forward_pooling(layer, x, h, samples, is_max, ONE)
        return activate(layer.activation, h, samples * layer.fan_out)

    @compiled
    def backward(
        gemm: Any, layer: Any, row: Any, x: Any, d: Any, dx: Any, scratch: Any, samples: int
    ) -> None:
        backward_pooling(layer, x, d, dx, samples, is_max, ONE)

    @compiled
    def accumulate(
        gemm: Any, layer: Any, lists: Any, background: Any, x: Any, d: Any, to: Any, scratch: Any,
        samples: int, rows: Any, biases: Any, scale: Any, factors: Any,
    ) -> None:  # fmt: skip
        """A pooling layer has no parameters."""

    return LayerFunctions(forward, backward, accumulate)
