"""Points of the plane, in or out of a right triangle."""

from itertools import count

import numpy as np
import torch

from dlhw.config.data import TriangleConfig
from dlhw.data.raw import Place, RawData, RawPart
from dlhw.random import generator

LEG, SUM = 0.5, 4.0
SQUARE = 4.0
BLOCK = 256  # points drawn at a time


def make_triangle(config: TriangleConfig, seed: int | None) -> RawData:
    """Points x uniform on [0, 4]^2, label 0 where x_1 > 0.5, x_2 > 0.5 and x_1 + x_2 < 4, else 1.

    Points nearer than `margin` to one of the triangle's sides are left out. For one seed and margin a smaller
    set is the start of a larger one.

    Source: CS 229, Stanford, winter 2025, problem set 2 (a triangle of the kind that its figure shows).
    """
    assert seed is not None, "points need a seed"
    x_NI = np.empty((0, 2))
    for block in count():
        u_NI = torch.rand(BLOCK, 2, generator=generator(seed, "samples", block), dtype=torch.float64)
        drawn_NI = SQUARE * u_NI.numpy()
        x_NI = np.concatenate([x_NI, drawn_NI[np.abs(depth(drawn_NI)) >= config.margin]])
        if len(x_NI) >= config.num_samples:
            break
    x_NI = x_NI[: config.num_samples]
    pool = RawPart(x_NI, (depth(x_NI) <= 0).astype(np.int64), Place("data=triangle"))
    return RawData(pool, class_names=["inside", "outside"], is_generated=True)


def depth(x_NI: np.ndarray) -> np.ndarray:
    """How far each point lies behind the nearest of the triangle's three sides, prolonged to lines.

    Positive inside. Inside it is the distance from the border, outside minus it is at most that.

    Args:
        x_NI: (n, 2) points.

    Returns:
        (n,) signed distances.

    >>> depth(np.array([[1.0, 1.0], [0.5, 1.0], [0.0, 1.0]])).tolist()
    [0.5, 0.0, -0.5]
    """
    x1_N, x2_N = x_NI.T
    return np.minimum(np.minimum(x1_N, x2_N) - LEG, (SUM - x1_N - x2_N) / np.sqrt(2))
