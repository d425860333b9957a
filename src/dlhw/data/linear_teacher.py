"""Linear regression on data of a known teacher, with training sets that contain each other."""

import numpy as np
import torch

from dlhw.config.data import LinearTeacherConfig, Teacher
from dlhw.data.raw import Place, RawData, RawPart
from dlhw.random import generator

TEACHER, TRAIN, VAL = range(3)  # what numbers are drawn for
BLOCK = 64  # rows that share a generator, so that the first rows do not depend on how many follow


def make_linear_teacher(config: LinearTeacherConfig, seed: int | None) -> RawData:
    """x ~ N(0, I_d), y = x . beta + noise * N(0, 1), in float64.

    Source: CS 229, Stanford, winter 2025, problem set 2 (min-norm solutions, double descent).
    """
    assert seed is not None, "samples need a seed"
    beta_I = draw_teacher(config, seed)
    place = Place("data=linear_teacher")
    train = RawPart(*_draw_rows(config, seed, TRAIN, config.num_train, beta_I), place)
    if not config.num_val:
        return RawData(train, is_generated=True)
    val = RawPart(*_draw_rows(config, seed, VAL, config.num_val, beta_I), place)
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
        for block in range(-(-count // BLOCK))
    ]
    inputs, targets = zip(*blocks, strict=True)
    return np.concatenate(inputs)[:count], np.concatenate(targets)[:count]


def _draw_block(
    config: LinearTeacherConfig, stream: torch.Generator, beta_I: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    drawn = torch.randn(BLOCK, config.dim + 1, generator=stream, dtype=torch.float64).numpy()
    x_NI, noise_N = drawn[:, :-1], drawn[:, -1]
    return x_NI, x_NI @ beta_I + config.noise * noise_N
