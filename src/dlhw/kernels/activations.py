"""Activations in compiled code, in place; the formulas are those of `dlhw.nn.activations`."""

from collections.abc import Callable
from typing import Any

from numba import njit

from dlhw.kernels.codes import RELU, SIGMOID, TANH

compiled = njit(error_model="numpy")


def activations_of(
    real: Any, exp: Callable[[Any], Any], tanh: Callable[[Any], Any]
) -> tuple[Callable[..., None], Callable[..., None]]:
    """(h <- f(h), d <- d f'(x) told from h = f(x)) for one floating-point type."""
    ONE, ZERO = real(1), real(0)

    @compiled
    def activate(code: int, h: Any, count: int) -> None:
        if code == SIGMOID:
            for place in range(count):
                h[place] = ONE / (ONE + exp(-h[place]))
        elif code == TANH:
            for place in range(count):
                h[place] = tanh(h[place])
        elif code == RELU:
            for place in range(count):
                # this way round NaN stays NaN
                h[place] = ZERO if h[place] < ZERO else h[place]

    @compiled
    def differentiate(code: int, h: Any, d: Any, count: int) -> None:
        if code == SIGMOID:
            for place in range(count):
                d[place] *= h[place] * (ONE - h[place])
        elif code == TANH:
            for place in range(count):
                d[place] *= ONE - h[place] * h[place]
        elif code == RELU:
            for place in range(count):
                d[place] = d[place] if h[place] > ZERO else ZERO

    return activate, differentiate
