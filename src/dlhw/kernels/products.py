"""Products of one run's affine layer in compiled code: by BLAS, or by plain loops where those are faster.

x (N, I), W (I, O), h and d (N, O), all contiguous by rows. BLAS counts by columns, where such a matrix is its
own transpose: h = x W is computed as h^T = W^T x^T.
"""

from typing import Any

from dlhw.kernels.intrinsics import call_gemm, offset
from dlhw.kernels.jit import contracted
from dlhw.kernels.loops import add_dots, add_product, add_rows
from dlhw.kernels.shapes import FEW, NARROW, PIECE, PRODUCT, UNIT, WIDE

N, T = 78, 84  # character codes


@contracted
def is_narrow(fan_in: int, fan_out: int) -> bool:
    """Whether such a layer's products of more than FEW samples go by pieces."""
    return fan_out <= NARROW and fan_in >= WIDE


@contracted
def forward(
    gemm: Any, x: Any, w: Any, h: Any, scratch: Any, samples: int, fan_in: int, fan_out: int, one: Any
) -> None:
    """h <- h + x W"""
    if samples <= FEW:
        for n in range(samples):
            add_rows(offset(h, n * fan_out), offset(x, n * fan_in), UNIT, fan_in, w, fan_out, fan_out, one)
    elif is_narrow(fan_in, fan_out):
        for start in range(0, fan_in, PIECE):
            count = min(PIECE, fan_in - start)
            turn(offset(w, start * fan_out), scratch, count, fan_out)
            add_dots(h, fan_out, offset(x, start), fan_in, scratch, PIECE, samples, fan_out, count, one)
    else:
        call_gemm(gemm, N, N, fan_out, samples, fan_in, one, w, fan_out, x, fan_in, one, h, fan_out)


@contracted
def backward(
    gemm: Any, d: Any, w: Any, dx: Any, scratch: Any, samples: int, fan_in: int, fan_out: int, one: Any
) -> None:
    """dx <- d W^T"""
    zero = one - one
    if samples <= FEW:
        for n in range(samples):
            for i in range(fan_in):
                total = zero
                for o in range(fan_out):
                    total += d[n * fan_out + o] * w[i * fan_out + o]
                dx[n * fan_in + i] = total
    elif is_narrow(fan_in, fan_out):
        for start in range(0, fan_in, PIECE):
            count = min(PIECE, fan_in - start)
            turn(offset(w, start * fan_out), scratch, count, fan_out)
            for n in range(samples):
                fill(offset(dx, n * fan_in + start), count, zero)
            add_product(
                offset(dx, start), fan_in, d, fan_out, UNIT, scratch, PIECE, samples, fan_out, count, one
            )
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
    if samples <= FEW:
        for i in range(begin, end):
            row = offset(w, i * fan_out)
            if keep != one or decay != zero:
                for o in range(fan_out):
                    row[o] = keep * row[o] + decay * row[o]
            add_rows(row, offset(x, i), fan_in, samples, d, fan_out, fan_out, scale)
    elif is_narrow(fan_in, fan_out):
        for start in range(begin, end, PIECE):
            count = min(PIECE, end - start)
            fill(scratch, fan_out * PIECE, zero)
            add_product(
                scratch, PIECE, d, UNIT, fan_out, offset(x, start), fan_in, fan_out, samples, count, one
            )
            add_turned(offset(w, start * fan_out), scratch, count, fan_out, scale, keep, decay)
    else:
        # W is far larger than the terms of the product: added to it one by one, they would lose digits
        together = max(1, int(PRODUCT) // fan_out)
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
def turn(w: Any, turned: Any, count: int, fan_out: int) -> None:
    """Rows w (count, O) as columns of `turned` (O, PIECE), one after the other: row by row, here and in
    `add_turned`, a step of the small CNN took 3.5 ms instead of 3.1."""
    for o in range(fan_out):
        for i in range(count):
            turned[o * PIECE + i] = w[i * fan_out + o]


@contracted
def add_turned(w: Any, turned: Any, count: int, fan_out: int, scale: Any, keep: Any, decay: Any) -> None:
    """w (count, O) <- keep w + decay w + scale times columns of `turned` (O, PIECE)."""
    for o in range(fan_out):
        for i in range(count):
            old = w[i * fan_out + o]
            w[i * fan_out + o] = keep * old + decay * old + scale * turned[o * PIECE + i]
