"""Matrix products in plain loops, for shapes that BLAS is slow at: narrow ones, with one long side.

Matrices are stored by rows; a row's length in memory (ld…) may be more than the width of the matrix. Blocks
of 4 x 4 keep their sums in registers along the long side. Measured on one core of an AVX-512 machine,
in 10^9 operations a second, with torch's BLAS in brackets:

    C (32, 784) += A (32, 9) B          76 (68)        C (32, 784) += A (32, 784) B^T to (32, 9)      102 (32)
    C (16, 196) += A (16, 72) B         69 (78)        the same with A (16, 196) to (16, 72)           71 (75)
"""

from typing import Any

from dlhw.kernels.numba_support import contracted, offset, reordered


@contracted
def add_product(
    c: Any, ldc: int, a: Any, step_m: int, step_k: int, b: Any, ldb: int, m: int, k: int, n: int, one: Any
) -> None:
    """C (m, n) <- C + A B, n large. A (m, k) may be transposed: step_m and step_k are its strides."""
    blocks_m, blocks_k = m - m % 4, k - k % 4
    for i in range(0, blocks_m, 4):
        rows, of_a = offset(c, i * ldc), offset(a, i * step_m)
        for j in range(0, blocks_k, 4):
            _add_4x4(rows, ldc, offset(of_a, j * step_k), step_m, step_k, offset(b, j * ldb), ldb, n)
        for j in range(blocks_k, k):
            _add_4x1(rows, ldc, offset(of_a, j * step_k), step_m, offset(b, j * ldb), n)
    for i in range(blocks_m, m):
        add_rows(offset(c, i * ldc), offset(a, i * step_m), step_k, k, b, ldb, n, one)


@contracted
def add_rows(
    to: Any, values: Any, step: int, count: int, rows: Any, ld: int, length: int, scale: Any
) -> None:
    """to <- to + scale sum_j values[j step] rows[j], four rows for each read and write of `to`.

    Rows whose values are 0 are skipped.
    """
    fours = count - count % 4
    for j in range(0, fours, 4):
        v0, v1 = scale * values[j * step], scale * values[(j + 1) * step]
        v2, v3 = scale * values[(j + 2) * step], scale * values[(j + 3) * step]
        if v0 != 0 or v1 != 0 or v2 != 0 or v3 != 0:
            r0, r1 = offset(rows, j * ld), offset(rows, (j + 1) * ld)
            r2, r3 = offset(rows, (j + 2) * ld), offset(rows, (j + 3) * ld)
            for p in range(length):
                to[p] += v0 * r0[p] + v1 * r1[p] + v2 * r2[p] + v3 * r3[p]
    for j in range(fours, count):
        value, row = scale * values[j * step], offset(rows, j * ld)
        if value != 0:
            for p in range(length):
                to[p] += value * row[p]


@contracted
def add_dots(c: Any, ldc: int, a: Any, lda: int, b: Any, ldb: int, m: int, k: int, n: int, one: Any) -> None:
    """C (m, k) <- C + A B^T with A (m, n) and B (k, n), n large."""
    zero = one - one
    blocks_m, blocks_k = m - m % 4, k - k % 4
    for i in range(0, blocks_m, 4):
        rows, of_a = offset(c, i * ldc), offset(a, i * lda)
        for j in range(0, blocks_k, 4):
            _dot_4x4(offset(rows, j), ldc, of_a, lda, offset(b, j * ldb), ldb, n, zero)
        for j in range(blocks_k, k):
            _dot_4x1(offset(rows, j), ldc, of_a, lda, offset(b, j * ldb), n, zero)
    for i in range(blocks_m, m):
        for j in range(k):
            c[i * ldc + j] += _dot(offset(a, i * lda), offset(b, j * ldb), n, zero)


@contracted
def _add_4x4(c: Any, ldc: int, a: Any, sm: int, sk: int, b: Any, ldb: int, n: int) -> None:
    c0, c1, c2, c3 = c, offset(c, ldc), offset(c, 2 * ldc), offset(c, 3 * ldc)
    b0, b1, b2, b3 = b, offset(b, ldb), offset(b, 2 * ldb), offset(b, 3 * ldb)
    a00, a01, a02, a03 = a[0], a[sk], a[2 * sk], a[3 * sk]
    a10, a11, a12, a13 = a[sm], a[sm + sk], a[sm + 2 * sk], a[sm + 3 * sk]
    a20, a21, a22, a23 = a[2 * sm], a[2 * sm + sk], a[2 * sm + 2 * sk], a[2 * sm + 3 * sk]
    a30, a31, a32, a33 = a[3 * sm], a[3 * sm + sk], a[3 * sm + 2 * sk], a[3 * sm + 3 * sk]
    for p in range(n):
        x0, x1, x2, x3 = b0[p], b1[p], b2[p], b3[p]
        c0[p] += a00 * x0 + a01 * x1 + a02 * x2 + a03 * x3
        c1[p] += a10 * x0 + a11 * x1 + a12 * x2 + a13 * x3
        c2[p] += a20 * x0 + a21 * x1 + a22 * x2 + a23 * x3
        c3[p] += a30 * x0 + a31 * x1 + a32 * x2 + a33 * x3


@contracted
def _add_4x1(c: Any, ldc: int, a: Any, sm: int, b: Any, n: int) -> None:
    c0, c1, c2, c3 = c, offset(c, ldc), offset(c, 2 * ldc), offset(c, 3 * ldc)
    a0, a1, a2, a3 = a[0], a[sm], a[2 * sm], a[3 * sm]
    for p in range(n):
        x = b[p]
        c0[p] += a0 * x
        c1[p] += a1 * x
        c2[p] += a2 * x
        c3[p] += a3 * x


@reordered
def _dot_4x4(c: Any, ldc: int, a: Any, lda: int, b: Any, ldb: int, n: int, zero: Any) -> None:
    a0, a1, a2, a3 = a, offset(a, lda), offset(a, 2 * lda), offset(a, 3 * lda)
    b0, b1, b2, b3 = b, offset(b, ldb), offset(b, 2 * ldb), offset(b, 3 * ldb)
    c0, c1, c2, c3 = c, offset(c, ldc), offset(c, 2 * ldc), offset(c, 3 * ldc)
    s00 = s01 = s02 = s03 = s10 = s11 = s12 = s13 = zero
    s20 = s21 = s22 = s23 = s30 = s31 = s32 = s33 = zero
    for p in range(n):
        x0, x1, x2, x3 = a0[p], a1[p], a2[p], a3[p]
        y0, y1, y2, y3 = b0[p], b1[p], b2[p], b3[p]
        s00, s01, s02, s03 = s00 + x0 * y0, s01 + x0 * y1, s02 + x0 * y2, s03 + x0 * y3
        s10, s11, s12, s13 = s10 + x1 * y0, s11 + x1 * y1, s12 + x1 * y2, s13 + x1 * y3
        s20, s21, s22, s23 = s20 + x2 * y0, s21 + x2 * y1, s22 + x2 * y2, s23 + x2 * y3
        s30, s31, s32, s33 = s30 + x3 * y0, s31 + x3 * y1, s32 + x3 * y2, s33 + x3 * y3
    c0[0], c0[1], c0[2], c0[3] = c0[0] + s00, c0[1] + s01, c0[2] + s02, c0[3] + s03
    c1[0], c1[1], c1[2], c1[3] = c1[0] + s10, c1[1] + s11, c1[2] + s12, c1[3] + s13
    c2[0], c2[1], c2[2], c2[3] = c2[0] + s20, c2[1] + s21, c2[2] + s22, c2[3] + s23
    c3[0], c3[1], c3[2], c3[3] = c3[0] + s30, c3[1] + s31, c3[2] + s32, c3[3] + s33


@reordered
def _dot_4x1(c: Any, ldc: int, a: Any, lda: int, b: Any, n: int, zero: Any) -> None:
    a0, a1, a2, a3 = a, offset(a, lda), offset(a, 2 * lda), offset(a, 3 * lda)
    s0 = s1 = s2 = s3 = zero
    for p in range(n):
        y = b[p]
        s0, s1, s2, s3 = s0 + a0[p] * y, s1 + a1[p] * y, s2 + a2[p] * y, s3 + a3[p] * y
    c[0], c[ldc], c[2 * ldc], c[3 * ldc] = c[0] + s0, c[ldc] + s1, c[2 * ldc] + s2, c[3 * ldc] + s3


@reordered
def _dot(a: Any, b: Any, n: int, zero: Any) -> Any:
    total = zero
    for p in range(n):
        total += a[p] * b[p]
    return total
