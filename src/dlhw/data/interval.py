"""Is the sum of some signs within an interval?"""

import numpy as np

from dlhw.config.data import IntervalConfig
from dlhw.data.raw import Place, RawData, RawPart


def make_interval(config: IntervalConfig, seed: int | None = None) -> RawData:
    """All x in {-1, 1}^D with label 1 where A <= x_1 + … + x_D <= B, else 0; nothing is drawn.

    Source: Deep Learning, IST Lisbon 2023, homework 1, question 3.
    """
    x_NI = sign_vectors(config.dim)
    sums_N = x_NI.sum(axis=1)
    labels_N = ((config.low <= sums_N) & (sums_N <= config.high)).astype(np.int64)
    pool = RawPart(x_NI, labels_N, Place("data=interval"))
    return RawData(pool, class_names=["outside", "inside"], is_generated=True)


def sign_vectors(dim: int) -> np.ndarray:
    """All vectors of `dim` signs as (2^dim, dim) float64, counting up in binary (-1 for 0, 1 for 1).

    >>> sign_vectors(2).tolist()
    [[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]]
    """
    bits_NI = np.arange(2**dim)[:, None] >> np.arange(dim)[::-1] & 1
    return 2.0 * bits_NI - 1.0
