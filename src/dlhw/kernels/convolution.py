"""The convolution in compiled code, image by image; the formulas are those of `dlhw.nn.conv`.

One image x (C, H, W) has windows X (Q, L), Q = C k k terms and L = Ho Wo positions; W is (F, Q), out (F, L).
`entry` is the layer's row in the table, `row` a run's parameters (see `dlhw.kernels.abi`).
"""

from typing import Any

from dlhw.kernels.abi import (
    BIAS,
    CHANNELS,
    FAN_IN,
    FAN_OUT,
    FILTERS,
    HEIGHT,
    KERNEL,
    NUM_BIASES,
    NUM_WEIGHTS,
    OUT_HEIGHT,
    OUT_WIDTH,
    PADDING,
    STRIDE,
    WEIGHT,
    WIDTH,
)  # fmt: skip
from dlhw.kernels.affine import N, T, add_scaled, fill
from dlhw.kernels.loops import add_dots, add_product
from dlhw.kernels.numba_support import call_gemm, compiled, offset, reordered
from dlhw.kernels.thresholds import I64_ONE, SMALL_PATCH


@compiled
def inside(side: int, positions: int, place: int, stride: int, padding: int) -> Any:
    """(first, one behind the last) window whose pixel at `place` lies in the image and not in its border."""
    first = 0 if place >= padding else (padding - place + stride - 1) // stride
    last = (side - 1 + padding - place) // stride + 1
    return first, max(first, min(last, positions))


@compiled
def windows_to_columns(image: Any, entry: Any, columns: Any, zero: Any) -> None:
    """columns <- the windows of one image, 0 in the border."""
    kernel, stride, padding = entry[KERNEL], entry[STRIDE], entry[PADDING]
    height, width, rows, places = entry[HEIGHT], entry[WIDTH], entry[OUT_HEIGHT], entry[OUT_WIDTH]
    for channel in range(entry[CHANNELS]):
        for a in range(kernel):
            for b in range(kernel):
                to = offset(columns, ((channel * kernel + a) * kernel + b) * rows * places)
                first, last = inside(width, places, b, stride, padding)
                for row in range(rows):
                    y, line = row * stride + a - padding, offset(to, row * places)
                    if y < 0 or y >= height:
                        for place in range(places):
                            line[place] = zero
                        continue
                    source = offset(image, (channel * height + y) * width + b - padding)
                    for place in range(first):
                        line[place] = zero
                    if stride == 1:  # apart, because it becomes vector instructions
                        for place in range(first, last):
                            line[place] = source[place]
                    else:
                        for place in range(first, last):
                            line[place] = source[place * stride]
                    for place in range(last, places):
                        line[place] = zero


@compiled
def add_columns_to_windows(columns: Any, entry: Any, image: Any) -> None:
    """image <- image + what the columns hold of each of its pixels: the adjoint of `windows_to_columns`."""
    kernel, stride, padding = entry[KERNEL], entry[STRIDE], entry[PADDING]
    height, width, rows, places = entry[HEIGHT], entry[WIDTH], entry[OUT_HEIGHT], entry[OUT_WIDTH]
    for channel in range(entry[CHANNELS]):
        for a in range(kernel):
            first_row, last_row = inside(height, rows, a, stride, padding)
            for b in range(kernel):
                source = offset(columns, ((channel * kernel + a) * kernel + b) * rows * places)
                first, last = inside(width, places, b, stride, padding)
                for row in range(first_row, last_row):
                    y, line = row * stride + a - padding, offset(source, row * places)
                    to = offset(image, (channel * height + y) * width + b - padding)
                    if stride == 1:
                        for place in range(first, last):
                            to[place] += line[place]
                    else:
                        for place in range(first, last):
                            to[place * stride] += line[place]


@compiled
def sizes(entry: Any) -> Any:
    """(F, Q, L)"""
    return entry[FILTERS], entry[CHANNELS] * entry[KERNEL] ** 2, entry[OUT_HEIGHT] * entry[OUT_WIDTH]


@compiled
def forward_convolution(
    gemm: Any, entry: Any, row: Any, image: Any, out: Any, scratch: Any, one: Any
) -> None:
    """out <- W X + b, of one image."""
    F, Q, L = sizes(entry)
    w, bias = offset(row, entry[WEIGHT]), offset(row, entry[BIAS])
    windows_to_columns(image, entry, scratch, one - one)
    for f in range(F):
        fill(offset(out, f * L), L, bias[f])
    if Q <= SMALL_PATCH:
        add_product(out, L, w, Q, I64_ONE, scratch, L, F, Q, L, one)
    else:
        call_gemm(gemm, N, N, L, F, Q, one, scratch, L, w, Q, one, out, L)


@compiled
def backward_convolution(
    gemm: Any, entry: Any, row: Any, d: Any, dx: Any, scratch: Any, samples: int, one: Any
) -> None:
    """dX <- W^T d, of each image, put back where its windows came from."""
    F, Q, L = sizes(entry)
    w, zero = offset(row, entry[WEIGHT]), one - one
    for n in range(samples):
        of_image = offset(d, n * entry[FAN_OUT])
        if Q <= SMALL_PATCH:
            fill(scratch, Q * L, zero)
            add_product(scratch, L, w, I64_ONE, Q, of_image, L, Q, F, L, one)
        else:
            call_gemm(gemm, N, T, L, Q, F, one, of_image, L, w, Q, zero, scratch, L)
        image = offset(dx, n * entry[FAN_IN])
        fill(image, entry[FAN_IN], zero)
        add_columns_to_windows(scratch, entry, image)


@compiled
def add_convolution(
    gemm: Any, entry: Any, x: Any, d: Any, to: Any, scratch: Any, samples: int, filters: Any, scale: Any,
    factors: Any, one: Any,
) -> None:  # fmt: skip
    """W <- keep W + decay W + scale sum_n d X^T        b <- b + scale sum_nl d

    of filters from the first to one behind the last.
    """
    _, Q, L = sizes(entry)
    first, F = filters[0], filters[1] - filters[0]
    columns = offset(scratch, entry[NUM_WEIGHTS])  # behind the sum over images
    fill(scratch, F * Q, one - one)
    bias = offset(to, entry[BIAS] + first)
    for n in range(samples):
        windows_to_columns(offset(x, n * entry[FAN_IN]), entry, columns, one - one)
        of_image = offset(d, n * entry[FAN_OUT] + first * L)
        if Q <= SMALL_PATCH:
            add_dots(scratch, Q, of_image, L, columns, L, F, Q, L, one)
        else:
            call_gemm(gemm, T, N, Q, F, L, one, columns, L, of_image, L, one, scratch, Q)
        if entry[NUM_BIASES] > 0:
            for f in range(F):
                bias[f] += scale * total(offset(of_image, f * L), L, one - one)
    add_scaled(offset(to, entry[WEIGHT] + first * Q), scratch, F * Q, scale, factors)


@reordered
def total(values: Any, count: int, zero: Any) -> Any:
    """Sum of them."""
    result = zero
    for place in range(count):
        result += values[place]
    return result
