"""The convolution in compiled code, image by image; the formulas are those of `dlhw.nn.conv`.

One image x (C, H, W) has windows X (Q, L), Q = C k k terms and L = Ho Wo positions; W is (F, Q), out (F, L).
"""

from collections.abc import Callable
from typing import Any

from dlhw.kernels.affine import N, T, add_scaled, fill
from dlhw.kernels.layer_table import LayerFunctions
from dlhw.kernels.loops import add_dots, add_product
from dlhw.kernels.numba_support import call_gemm, compiled, offset, reordered
from dlhw.kernels.thresholds import I64_ONE, SMALL_PATCH


@compiled
def inside(side: int, positions: int, shift: int, stride: int, padding: int) -> Any:
    """Return (first, one past the last) window whose pixel `shift` is in the image and not in its border."""
    first = 0 if shift >= padding else (padding - shift + stride - 1) // stride
    last = (side - 1 + padding - shift) // stride + 1
    return first, max(first, min(last, positions))


@compiled
def windows_to_columns(image: Any, layer: Any, columns: Any, zero: Any) -> None:
    """columns <- the windows of one image, 0 in the border."""
    kernel, stride, padding = layer.kernel, layer.stride, layer.padding
    height, width, rows, out_width = layer.height, layer.width, layer.out_height, layer.out_width
    for channel in range(layer.channels):
        for a in range(kernel):
            for b in range(kernel):
                to = offset(columns, ((channel * kernel + a) * kernel + b) * rows * out_width)
                first, last = inside(width, out_width, b, stride, padding)
                for row in range(rows):
                    y, line = row * stride + a - padding, offset(to, row * out_width)
                    if y < 0 or y >= height:
                        for j in range(out_width):
                            line[j] = zero
                        continue
                    source = offset(image, (channel * height + y) * width + b - padding)
                    for j in range(first):
                        line[j] = zero
                    if stride == 1:  # its own loop, because that becomes vector instructions
                        for j in range(first, last):
                            line[j] = source[j]
                    else:
                        for j in range(first, last):
                            line[j] = source[j * stride]
                    for j in range(last, out_width):
                        line[j] = zero


@compiled
def add_columns_to_windows(columns: Any, layer: Any, image: Any) -> None:
    """image <- image + the columns' value of each of its pixels: the adjoint of `windows_to_columns`."""
    kernel, stride, padding = layer.kernel, layer.stride, layer.padding
    height, width, rows, out_width = layer.height, layer.width, layer.out_height, layer.out_width
    for channel in range(layer.channels):
        for a in range(kernel):
            first_row, last_row = inside(height, rows, a, stride, padding)
            for b in range(kernel):
                source = offset(columns, ((channel * kernel + a) * kernel + b) * rows * out_width)
                first, last = inside(width, out_width, b, stride, padding)
                for row in range(first_row, last_row):
                    y, line = row * stride + a - padding, offset(source, row * out_width)
                    to = offset(image, (channel * height + y) * width + b - padding)
                    if stride == 1:
                        for j in range(first, last):
                            to[j] += line[j]
                    else:
                        for j in range(first, last):
                            to[j * stride] += line[j]


@compiled
def sizes(layer: Any) -> Any:
    """Return (F, Q, L)."""
    return layer.filters, layer.channels * layer.kernel**2, layer.out_height * layer.out_width


@compiled
def forward_convolution(
    gemm: Any, layer: Any, row: Any, image: Any, out: Any, scratch: Any, one: Any
) -> None:
    """out <- W X + b, of one image."""
    F, Q, L = sizes(layer)
    w, bias = offset(row, layer.weight), offset(row, layer.bias)
    windows_to_columns(image, layer, scratch, one - one)
    for f in range(F):
        fill(offset(out, f * L), L, bias[f])
    if Q <= SMALL_PATCH:
        add_product(out, L, w, Q, I64_ONE, scratch, L, F, Q, L, one)
    else:
        call_gemm(gemm, N, N, L, F, Q, one, scratch, L, w, Q, one, out, L)


@compiled
def backward_convolution(
    gemm: Any, layer: Any, row: Any, d: Any, dx: Any, scratch: Any, samples: int, one: Any
) -> None:
    """dX <- W^T d of each image, added up over its windows."""
    F, Q, L = sizes(layer)
    w, zero = offset(row, layer.weight), one - one
    for n in range(samples):
        d_image = offset(d, n * layer.fan_out)
        if Q <= SMALL_PATCH:
            fill(scratch, Q * L, zero)
            add_product(scratch, L, w, I64_ONE, Q, d_image, L, Q, F, L, one)
        else:
            call_gemm(gemm, N, T, L, Q, F, one, d_image, L, w, Q, zero, scratch, L)
        image = offset(dx, n * layer.fan_in)
        fill(image, layer.fan_in, zero)
        add_columns_to_windows(scratch, layer, image)


@compiled
def add_convolution(
    gemm: Any, layer: Any, x: Any, d: Any, to: Any, scratch: Any, samples: int, filters: Any, scale: Any,
    factors: Any, one: Any,
) -> None:  # fmt: skip
    """W <- keep W + decay W + scale sum_n d X^T        b <- b + scale sum_nl d

    of the filters in a range.
    """
    _, Q, L = sizes(layer)
    first, F = filters[0], filters[1] - filters[0]
    columns = offset(scratch, layer.num_weights)  # after the sum over images
    fill(scratch, F * Q, one - one)
    bias = offset(to, layer.bias + first)
    for n in range(samples):
        windows_to_columns(offset(x, n * layer.fan_in), layer, columns, one - one)
        d_image = offset(d, n * layer.fan_out + first * L)
        if Q <= SMALL_PATCH:
            add_dots(scratch, Q, d_image, L, columns, L, F, Q, L, one)
        else:
            call_gemm(gemm, T, N, Q, F, L, one, columns, L, d_image, L, one, scratch, Q)
        if layer.num_biases > 0:
            for f in range(F):
                bias[f] += scale * total(offset(d_image, f * L), L, one - one)
    add_scaled(offset(to, layer.weight + first * Q), scratch, F * Q, scale, factors)


@reordered
def total(values: Any, count: int, zero: Any) -> Any:
    """Return their sum."""
    result = zero
    for j in range(count):
        result += values[j]
    return result


def convolution_functions(real: Any, activate: Callable[..., Any]) -> LayerFunctions:
    """Return the functions for one floating-point type."""
    ONE, ZERO = real(1), real(0)

    @compiled
    def forward(
        gemm: Any, layer: Any, row: Any, lists: Any, background: Any, x: Any, h: Any, scratch: Any,
        samples: int,
    ) -> Any:  # fmt: skip
        """Convolve and activate image by image, while they are in the core's cache."""
        size = ZERO
        for n in range(samples):
            image, out = offset(x, n * layer.fan_in), offset(h, n * layer.fan_out)
            forward_convolution(gemm, layer, row, image, out, scratch, ONE)
            size += activate(layer.activation, out, layer.fan_out)
        return size

    @compiled
    def backward(
        gemm: Any, layer: Any, row: Any, x: Any, d: Any, dx: Any, scratch: Any, samples: int
    ) -> None:
        backward_convolution(gemm, layer, row, d, dx, scratch, samples, ONE)

    @compiled
    def accumulate(
        gemm: Any, layer: Any, lists: Any, background: Any, x: Any, d: Any, to: Any, scratch: Any,
        samples: int, rows: Any, biases: Any, scale: Any, factors: Any,
    ) -> None:  # fmt: skip
        add_convolution(gemm, layer, x, d, to, scratch, samples, rows, scale, factors, ONE)

    return LayerFunctions(forward, backward, accumulate)
