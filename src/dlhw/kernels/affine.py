"""The affine layer in compiled code; the formulas are those of `dlhw.nn.linear`.

x (N, I), W (I, O), h and d (N, O), all contiguous by rows. A product is made by BLAS, or by plain loops where
those are faster. BLAS counts by columns, where such a matrix is its own transpose: h = x W is computed as
h^T = W^T x^T.
"""

from collections.abc import Callable
from typing import Any

from dlhw.kernels.layer_table import LayerFunctions
from dlhw.kernels.loops import add_dots, add_product, add_rows
from dlhw.kernels.numba_support import call_gemm, compiled, contracted, offset
from dlhw.kernels.thresholds import GEMM_TILE, I64_ONE, NARROW_OUT, ROW_TILE, SMALL_BATCH, WIDE_IN

N, T = 78, 84  # character codes


@contracted
def is_narrow(fan_in: int, fan_out: int) -> bool:
    """Whether products of more than SMALL_BATCH samples are made in tiles of ROW_TILE inputs."""
    return fan_out <= NARROW_OUT and fan_in >= WIDE_IN


@contracted
def multiply(
    gemm: Any, x: Any, w: Any, h: Any, scratch: Any, samples: int, fan_in: int, fan_out: int, one: Any
) -> None:
    """h <- h + x W"""
    if samples <= SMALL_BATCH:
        for n in range(samples):
            add_rows(offset(h, n * fan_out), offset(x, n * fan_in), I64_ONE, fan_in, w, fan_out, fan_out, one)
    elif is_narrow(fan_in, fan_out):
        for start in range(0, fan_in, ROW_TILE):
            count = min(ROW_TILE, fan_in - start)
            transpose_tile(offset(w, start * fan_out), scratch, count, fan_out)
            add_dots(h, fan_out, offset(x, start), fan_in, scratch, ROW_TILE, samples, fan_out, count, one)
    else:
        call_gemm(gemm, N, N, fan_out, samples, fan_in, one, w, fan_out, x, fan_in, one, h, fan_out)


@contracted
def multiply_by_transpose(
    gemm: Any, d: Any, w: Any, dx: Any, scratch: Any, samples: int, fan_in: int, fan_out: int, one: Any
) -> None:
    """dx <- d W^T"""
    zero = one - one
    if samples <= SMALL_BATCH:
        for n in range(samples):
            for i in range(fan_in):
                total = zero
                for o in range(fan_out):
                    total += d[n * fan_out + o] * w[i * fan_out + o]
                dx[n * fan_in + i] = total
    elif is_narrow(fan_in, fan_out):
        for start in range(0, fan_in, ROW_TILE):
            count = min(ROW_TILE, fan_in - start)
            transpose_tile(offset(w, start * fan_out), scratch, count, fan_out)
            for n in range(samples):
                fill(offset(dx, n * fan_in + start), count, zero)
            out = offset(dx, start)
            add_product(out, fan_in, d, fan_out, I64_ONE, scratch, ROW_TILE, samples, fan_out, count, one)
    else:
        call_gemm(gemm, T, N, fan_in, samples, fan_out, one, w, fan_out, d, fan_out, zero, dx, fan_in)


@contracted
def accumulate_product(
    gemm: Any, x: Any, d: Any, w: Any, scratch: Any, samples: int, fan_in: int, fan_out: int, rows: Any,
    scale: Any, factors: Any, one: Any,
) -> None:  # fmt: skip
    """W <- keep W + decay W + scale x^T d: a gradient (keep 0), or at once the update of gradient descent.

    Only the rows of W in the range `rows` are changed.

    keep and decay are two numbers because 1 - lr alpha, as one number, would be rounded alike at every step.
    """
    (keep, decay), (begin, end), zero = factors, rows, one - one
    if samples <= SMALL_BATCH:
        for i in range(begin, end):
            row = offset(w, i * fan_out)
            if keep != one or decay != zero:
                for o in range(fan_out):
                    row[o] = keep * row[o] + decay * row[o]
            add_rows(row, offset(x, i), fan_in, samples, d, fan_out, fan_out, scale)
    elif is_narrow(fan_in, fan_out):
        for start in range(begin, end, ROW_TILE):
            count = min(ROW_TILE, end - start)
            fill(scratch, fan_out * ROW_TILE, zero)
            add_product(
                scratch, ROW_TILE, d, I64_ONE, fan_out, offset(x, start), fan_in, fan_out, samples, count, one
            )
            add_transposed_tile(offset(w, start * fan_out), scratch, count, fan_out, scale, keep, decay)
    else:
        # W is far larger than the terms of the product: added to it one by one, they would lose digits
        tile_rows = max(1, int(GEMM_TILE) // fan_out)
        for start in range(begin, end, tile_rows):
            count = min(tile_rows, end - start)
            below = offset(x, start)
            call_gemm(
                gemm, N, T, fan_out, count, samples, one, d, fan_out, below, fan_in, zero, scratch, fan_out
            )
            add_scaled(offset(w, start * fan_out), scratch, count * fan_out, scale, factors)


@contracted
def fill(to: Any, count: int, value: Any) -> None:
    """Set all numbers to one value."""
    for i in range(count):
        to[i] = value


@contracted
def add_scaled(w: Any, product: Any, count: int, scale: Any, factors: Any) -> None:
    """w <- keep w + decay w + scale product"""
    keep, decay = factors
    for i in range(count):
        w[i] = keep * w[i] + decay * w[i] + scale * product[i]


@contracted
def sum_rows(d: Any, to: Any, samples: int, length: int) -> None:
    """to <- sum_n d_n"""
    for o in range(length):
        to[o] = d[o]
    for n in range(1, samples):
        for o in range(length):
            to[o] += d[n * length + o]


@contracted
def transpose_tile(w: Any, tile: Any, count: int, fan_out: int) -> None:
    """Rows w (count, O) as columns of `tile` (O, ROW_TILE), one after the other: row by row, here and in
    `add_transposed_tile`, a step of the small CNN took 3.5 ms instead of 3.1."""
    for o in range(fan_out):
        for i in range(count):
            tile[o * ROW_TILE + i] = w[i * fan_out + o]


@contracted
def add_transposed_tile(
    w: Any, tile: Any, count: int, fan_out: int, scale: Any, keep: Any, decay: Any
) -> None:
    """w (count, O) <- keep w + decay w + scale times columns of `tile` (O, ROW_TILE)."""
    for o in range(fan_out):
        for i in range(count):
            old = w[i * fan_out + o]
            w[i * fan_out + o] = keep * old + decay * old + scale * tile[o * ROW_TILE + i]


@compiled
def fill_biases(layer: Any, row: Any, h: Any, samples: int, one: Any) -> None:
    """h <- b, or 0 where there is none, for each sample."""
    fan_out, bias = layer.fan_out, offset(row, layer.bias)
    for n in range(samples):
        for o in range(fan_out):
            h[n * fan_out + o] = bias[o] if layer.num_biases > 0 else one - one


@compiled
def add_biases(layer: Any, d: Any, to: Any, scratch: Any, samples: int, scale: Any) -> None:
    """b <- b + scale sum_n d"""
    fan_out, bias = layer.fan_out, offset(to, layer.bias)
    if layer.num_biases > 0:
        sum_rows(d, scratch, samples, fan_out)
        for o in range(fan_out):
            bias[o] += scale * scratch[o]


def affine_functions(real: Any, activate: Callable[..., Any]) -> LayerFunctions:
    """Return the functions for one floating-point type."""
    ONE = real(1)

    @compiled
    def forward(
        gemm: Any, layer: Any, row: Any, lists: Any, background: Any, x: Any, h: Any, scratch: Any,
        samples: int,
    ) -> Any:  # fmt: skip
        """h <- f(x W + b)"""
        fill_biases(layer, row, h, samples, ONE)
        w = offset(row, layer.weight)
        multiply(gemm, x, w, h, scratch, samples, layer.fan_in, layer.fan_out, ONE)
        return activate(layer.activation, h, samples * layer.fan_out)

    @compiled
    def backward(
        gemm: Any, layer: Any, row: Any, x: Any, d: Any, dx: Any, scratch: Any, samples: int
    ) -> None:
        """dx <- d W^T"""
        w = offset(row, layer.weight)
        multiply_by_transpose(gemm, d, w, dx, scratch, samples, layer.fan_in, layer.fan_out, ONE)

    @compiled
    def accumulate(
        gemm: Any, layer: Any, lists: Any, background: Any, x: Any, d: Any, to: Any, scratch: Any,
        samples: int, rows: Any, biases: Any, scale: Any, factors: Any,
    ) -> None:  # fmt: skip
        """W <- keep W + decay W + scale x^T d        b <- b + scale sum_n d"""
        w, fan_in, fan_out = offset(to, layer.weight), layer.fan_in, layer.fan_out
        accumulate_product(gemm, x, d, w, scratch, samples, fan_in, fan_out, rows, scale, factors, ONE)
        if biases[1] > biases[0]:
            add_biases(layer, d, to, scratch, samples, scale)

    return LayerFunctions(forward, backward, accumulate)
