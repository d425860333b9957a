"""Generated data sets: logic gates, an interval of sums, points of a triangle, a linear teacher."""

from itertools import count

import numpy as np
import torch

from dlhw.config.data_generated import (
    GatesConfig,
    IntervalConfig,
    LinearTeacherConfig,
    Teacher,
    TriangleConfig,
)
from dlhw.data.raw import RawData, RawSplit, SourceLocation
from dlhw.random import generator

GATE_INPUTS_NI = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=np.float64)
TRUTH_TABLES: dict[str, list[int]] = {
    "and": [0, 0, 0, 1],
    "or": [0, 1, 1, 1],
    "xor": [0, 1, 1, 0],
    "nand": [1, 1, 1, 0],
    "nor": [1, 0, 0, 0],
}


def make_gates(config: GatesConfig, seed: int | None = None) -> RawData:
    """The truth table of `data.gate` as (4, 2) inputs and (4,) labels; nothing is drawn.

    >>> make_gates(GatesConfig()).pool.targets
    array([0, 1, 1, 0])
    """
    labels_N = np.array(TRUTH_TABLES[config.gate], dtype=np.int64)
    pool = RawSplit(GATE_INPUTS_NI.copy(), labels_N, SourceLocation("data=gates"))
    return RawData(pool, class_names=["false", "true"], is_generated=True)


def make_interval(config: IntervalConfig, seed: int | None = None) -> RawData:
    """All x in {-1, 1}^D, with label 1 where A <= x_1 + … + x_D <= B, else 0; nothing is drawn.

    Source: Deep Learning, IST Lisbon 2023, homework 1, question 3.
    """
    x_NI = sign_vectors(config.dim)
    sums_N = x_NI.sum(axis=1)
    labels_N = ((config.low <= sums_N) & (sums_N <= config.high)).astype(np.int64)
    pool = RawSplit(x_NI, labels_N, SourceLocation("data=interval"))
    return RawData(pool, class_names=["outside", "inside"], is_generated=True)


def sign_vectors(dim: int) -> np.ndarray:
    """All vectors of `dim` signs as (2^dim, dim) float64, counting up in binary (-1 for 0, 1 for 1).

    >>> sign_vectors(2).tolist()
    [[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]]
    """
    bits_NI = np.arange(2**dim)[:, None] >> np.arange(dim)[::-1] & 1
    return 2.0 * bits_NI - 1.0


LEG, SUM = 0.5, 4.0
SQUARE = 4.0
TRIANGLE_BLOCK = 256  # points drawn at a time


def make_triangle(config: TriangleConfig, seed: int | None) -> RawData:
    """Points x uniform on [0, 4]^2, label 0 where x_1 > 0.5, x_2 > 0.5 and x_1 + x_2 < 4, else 1.

    Points nearer than `margin` to one of the triangle's sides are left out. For one seed and margin a smaller
    set is the start of a larger one.

    Source: CS 229, Stanford, winter 2025, problem set 2 (a triangle of the kind that its figure shows).
    """
    assert seed is not None, "points need a seed"
    x_NI = np.empty((0, 2))
    for block in count():
        u_NI = torch.rand(TRIANGLE_BLOCK, 2, generator=generator(seed, "samples", block), dtype=torch.float64)
        drawn_NI = SQUARE * u_NI.numpy()
        x_NI = np.concatenate([x_NI, drawn_NI[np.abs(depth(drawn_NI)) >= config.margin]])
        if len(x_NI) >= config.num_samples:
            break
    x_NI = x_NI[: config.num_samples]
    pool = RawSplit(x_NI, (depth(x_NI) <= 0).astype(np.int64), SourceLocation("data=triangle"))
    return RawData(pool, class_names=["inside", "outside"], is_generated=True)


def depth(x_NI: np.ndarray) -> np.ndarray:
    """Signed distance of each point from the nearest of the lines through the three sides of the triangle.

    Positive inside, where it is the distance from the border; outside its magnitude is at most that distance.

    Args:
        x_NI: (n, 2) points.

    Returns:
        (n,) signed distances.

    >>> depth(np.array([[1.0, 1.0], [0.5, 1.0], [0.0, 1.0]])).tolist()
    [0.5, 0.0, -0.5]
    """
    x1_N, x2_N = x_NI.T
    return np.minimum(np.minimum(x1_N, x2_N) - LEG, (SUM - x1_N - x2_N) / np.sqrt(2))


TEACHER, TRAIN, VAL = range(3)  # counters of the random streams
TEACHER_BLOCK = 64  # rows per generator, so that the first rows do not depend on the number of rows


def make_linear_teacher(config: LinearTeacherConfig, seed: int | None) -> RawData:
    """x ~ N(0, I_d), y = x . beta + noise * N(0, 1), in float64.

    Source: CS 229, Stanford, winter 2025, problem set 2 (min-norm solutions, double descent).
    """
    assert seed is not None, "samples need a seed"
    beta_I = draw_teacher(config, seed)
    location = SourceLocation("data=linear_teacher")
    train = RawSplit(*_draw_rows(config, seed, TRAIN, config.num_train, beta_I), location)
    if not config.num_val:
        return RawData(train, is_generated=True)
    val = RawSplit(*_draw_rows(config, seed, VAL, config.num_val, beta_I), location)
    return RawData(train, {"val": val}, is_generated=True)


def draw_teacher(config: LinearTeacherConfig, seed: int) -> np.ndarray:
    """The coefficients beta, (d,) float64.

    gaussian: N(0, 1/d) each, so that the expected squared norm is 1; unit: the same divided by its norm;
    sparse: `num_ones` ones before zeros (the order of the features does not matter, they are alike).
    """
    if config.teacher is Teacher.sparse:
        assert config.num_ones is not None
        return (np.arange(config.dim) < config.num_ones).astype(np.float64)
    stream = generator(seed, "samples", TEACHER)
    drawn_I = torch.randn(config.dim, generator=stream, dtype=torch.float64).numpy()
    if config.teacher is Teacher.unit:
        return drawn_I / np.linalg.norm(drawn_I)
    return drawn_I / np.sqrt(config.dim)


def _draw_rows(
    config: LinearTeacherConfig, seed: int, purpose: int, count: int, beta_I: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    blocks = [
        _draw_block(config, generator(seed, "samples", purpose, block), beta_I)
        for block in range(-(-count // TEACHER_BLOCK))
    ]
    inputs, targets = zip(*blocks, strict=True)
    return np.concatenate(inputs)[:count], np.concatenate(targets)[:count]


def _draw_block(
    config: LinearTeacherConfig, stream: torch.Generator, beta_I: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    drawn = torch.randn(TEACHER_BLOCK, config.dim + 1, generator=stream, dtype=torch.float64).numpy()
    x_NI, noise_N = drawn[:, :-1], drawn[:, -1]
    return x_NI, x_NI @ beta_I + config.noise * noise_N
