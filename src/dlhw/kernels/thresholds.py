"""Measured thresholds for choosing a kernel."""

import numpy as np

# Samples up to which loops over rows of W beat BLAS's product, made for more. Measured on 784-128-10:
# an update takes 13 microseconds for one sample, where BLAS's two large products alone take 31; about 90 for
# 16, and 104 for 17, which go by BLAS. Inputs of 0 are skipped.
SMALL_BATCH = 16
# Share of inputs that differ from their background up to which products that list them beat BLAS's. Measured
# on one core with 19 %: 2.0 to 2.5 times as fast for 10 to 512 outputs and batches of 17 to 1000. Another
# background than 0 takes 0 to 10 microseconds a step more with 784-128-10, where batches of 1 take 14, and 30
# without lists.
SPARSE = 1 / 3
# Outputs up to which blocked loops over many inputs beat BLAS. Measured on one core with 64 samples: the
# three products of 25088-10 take 1.8 ms, by BLAS 6.1; a step of 784-10 takes 0.07 ms, by BLAS 0.19; one of
# 784-64-10 with listed inputs 0.077 ms, with its last layer's products by BLAS 0.082.
NARROW_OUT, WIDE_IN = 16, 64
# Inputs whose weights, transposed so that the long side is contiguous, stay in a core's first cache.
ROW_TILE = np.int64(512)
# Numbers of a product that is computed before it is added to weights: they stay in a core's second cache.
GEMM_TILE = np.int64(2**15)
# numba compiles a function anew for each of Python's own constants that it is called with, for numpy's once.
I64_ONE = np.int64(1)
# Terms of a filter (channels x kernel x kernel) up to which blocked loops beat BLAS: `dlhw.kernels.loops`.
SMALL_PATCH = 32
