"""The affine layer in compiled code; the formulas are those of `dlhw.nn.linear`.

`entry` is the layer's row in the table, `row` a run's parameters (see `dlhw.kernels.abi`).
"""

from typing import Any

from dlhw.kernels.abi import BIAS, FAN_IN, FAN_OUT, NUM_BIASES, WEIGHT
from dlhw.kernels.loops import add_dots, add_product, add_rows
from dlhw.kernels.numba_support import call_gemm, compiled, contracted, offset
from dlhw.kernels.thresholds import GEMM_TILE, I64_ONE, NARROW_OUT, ROW_TILE, SMALL_BATCH, WIDE_IN

N, T = 78, 84  # character codes


@contracted
def is_narrow(fan_in: int, fan_out: int) -> bool:
    """Whether such a layer's products of more than SMALL_BATCH samples go by pieces."""
    return fan_out <= NARROW_OUT and fan_in >= WIDE_IN


@contracted
def forward(
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
def backward(
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
def accumulate(
    gemm: Any, x: Any, d: Any, w: Any, scratch: Any, samples: int, fan_in: int, fan_out: int, rows: Any,
    scale: Any, factors: Any, one: Any,
) -> None:  # fmt: skip
    """W <- keep W + decay W + scale x^T d: a gradient (keep 0), or at once the update of gradient descent.

    Of W only `rows` (the first, one behind the last) are changed.

    keep and decay stay apart because 1 - lr alpha, as one number, would be rounded alike at every step.
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
        together = max(1, int(GEMM_TILE) // fan_out)
        for start in range(begin, end, together):
            count = min(together, end - start)
            below = offset(x, start)
            call_gemm(
                gemm, N, T, fan_out, count, samples, one, d, fan_out, below, fan_in, zero, scratch, fan_out
            )
            add_scaled(offset(w, start * fan_out), scratch, count * fan_out, scale, factors)


@contracted
def fill(to: Any, count: int, value: Any) -> None:
    """All of them to one value."""
    for place in range(count):
        to[place] = value


@contracted
def add_scaled(w: Any, product: Any, count: int, scale: Any, factors: Any) -> None:
    """w <- keep w + decay w + scale product"""
    keep, decay = factors
    for place in range(count):
        w[place] = keep * w[place] + decay * w[place] + scale * product[place]


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
def forward_affine(
    gemm: Any, entry: Any, row: Any, x: Any, h: Any, scratch: Any, samples: int, one: Any
) -> None:
    """h <- x W + b"""
    fill_biases(entry, row, h, samples, one)
    w = offset(row, entry[WEIGHT])
    forward(gemm, x, w, h, scratch, samples, entry[FAN_IN], entry[FAN_OUT], one)


@compiled
def fill_biases(entry: Any, row: Any, h: Any, samples: int, one: Any) -> None:
    """h <- b, or 0 where there is none, for each sample."""
    fan_out, bias = entry[FAN_OUT], offset(row, entry[BIAS])
    for n in range(samples):
        for o in range(fan_out):
            h[n * fan_out + o] = bias[o] if entry[NUM_BIASES] > 0 else one - one


@compiled
def backward_affine(
    gemm: Any, entry: Any, row: Any, d: Any, dx: Any, scratch: Any, samples: int, one: Any
) -> None:
    """dx <- d W^T"""
    w = offset(row, entry[WEIGHT])
    backward(gemm, d, w, dx, scratch, samples, entry[FAN_IN], entry[FAN_OUT], one)


@compiled
def add_affine(
    gemm: Any, entry: Any, x: Any, d: Any, to: Any, scratch: Any, samples: int, rows: Any, scale: Any,
    factors: Any, one: Any,
) -> None:  # fmt: skip
    """W <- keep W + decay W + scale x^T d, of some rows."""
    w = offset(to, entry[WEIGHT])
    accumulate(gemm, x, d, w, scratch, samples, entry[FAN_IN], entry[FAN_OUT], rows, scale, factors, one)


@compiled
def add_biases(entry: Any, d: Any, to: Any, scratch: Any, samples: int, scale: Any) -> None:
    """b <- b + scale sum_n d"""
    fan_out, bias = entry[FAN_OUT], offset(to, entry[BIAS])
    if entry[NUM_BIASES] > 0:
        sum_rows(d, scratch, samples, fan_out)
        for o in range(fan_out):
            bias[o] += scale * scratch[o]
