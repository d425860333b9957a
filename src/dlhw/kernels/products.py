"""Products of one run's layer in compiled code: by BLAS, or for a few samples by plain loops.

x (N, I), W (I, O), h and d (N, O), all contiguous by rows. BLAS counts by columns, where such a matrix is its
own transpose: h = x W is computed as h^T = W^T x^T.
"""

from typing import Any

from numba import njit

from dlhw.kernels.intrinsics import call_gemm, offset

N, T = 78, 84  # character codes
# Samples up to which loops over rows of W beat BLAS's product, made for more. Measured on 784-128-10:
# an update takes 13 microseconds for one sample, where BLAS's two large products alone take 31; about 90 for
# 16, and 104 for 17, which go by BLAS. Inputs of 0 are skipped.
FEW = 16

# multiplying and adding in one instruction rounds once instead of twice
compiled = njit(error_model="numpy", fastmath={"contract"})


@compiled
def forward(gemm: Any, x: Any, w: Any, h: Any, samples: int, fan_in: int, fan_out: int, one: Any) -> None:
    """h <- h + x W"""
    if samples > FEW:
        call_gemm(gemm, N, N, fan_out, samples, fan_in, one, w, fan_out, x, fan_in, one, h, fan_out)
        return
    for n in range(samples):
        add_rows(offset(h, n * fan_out), offset(x, n * fan_in), 1, fan_in, w, fan_out, one)


@compiled
def backward(gemm: Any, d: Any, w: Any, dx: Any, samples: int, fan_in: int, fan_out: int, one: Any) -> None:
    """dx <- d W^T"""
    if samples > FEW:
        zero = one - one
        call_gemm(gemm, T, N, fan_in, samples, fan_out, one, w, fan_out, d, fan_out, zero, dx, fan_in)
        return
    for n in range(samples):
        for i in range(fan_in):
            total = one - one
            for o in range(fan_out):
                total += d[n * fan_out + o] * w[i * fan_out + o]
            dx[n * fan_in + i] = total


@compiled
def accumulate(
    gemm: Any, x: Any, d: Any, w: Any, samples: int, fan_in: int, fan_out: int, scale: Any, factors: Any,
    one: Any,
) -> None:  # fmt: skip
    """W <- keep W + decay W + scale x^T d: a gradient (keep 0), or at once the update of gradient descent.

    keep and decay stay apart because 1 - lr alpha, as one number, would be rounded alike at every step.
    """
    (keep, decay), zero = factors, one - one
    if samples > FEW:
        if decay != zero:
            for place in range(fan_in * fan_out):
                w[place] += decay * w[place]
        call_gemm(gemm, N, T, fan_out, fan_in, samples, scale, d, fan_out, x, fan_in, keep, w, fan_out)
        return
    for i in range(fan_in):
        row = offset(w, i * fan_out)
        if keep != one or decay != zero:
            for o in range(fan_out):
                row[o] = keep * row[o] + decay * row[o]
        add_rows(row, offset(x, i), fan_in, samples, d, fan_out, scale)


@compiled
def add_rows(to: Any, values: Any, step: int, count: int, rows: Any, length: int, scale: Any) -> None:
    """to <- to + scale sum_j values[j step] rows[j], four rows each time `to` is read and written."""
    fours = count - count % 4
    for j in range(0, fours, 4):
        v0, v1 = scale * values[j * step], scale * values[(j + 1) * step]
        v2, v3 = scale * values[(j + 2) * step], scale * values[(j + 3) * step]
        if v0 != 0 or v1 != 0 or v2 != 0 or v3 != 0:
            r0, r1 = offset(rows, j * length), offset(rows, (j + 1) * length)
            r2, r3 = offset(rows, (j + 2) * length), offset(rows, (j + 3) * length)
            for place in range(length):
                to[place] += v0 * r0[place] + v1 * r1[place] + v2 * r2[place] + v3 * r3[place]
    for j in range(fours, count):
        value, row = scale * values[j * step], offset(rows, j * length)
        if value != 0:
            for place in range(length):
                to[place] += value * row[place]
