"""Activations in compiled code, in place; the formulas are those of `dlhw.nn.activations`."""

from collections.abc import Callable
from typing import Any

from dlhw.kernels.codes import RELU, SIGMOID, TANH
from dlhw.kernels.intrinsics import offset
from dlhw.kernels.jit import compiled, reordered

# Numbers that are still in the core's first cache when they are looked at again.
BLOCK = 2048


def activations_of(
    real: Any, exp: Callable[[Any], Any], tanh: Callable[[Any], Any]
) -> tuple[Callable[..., None], Callable[..., None]]:
    """(h <- f(h), d <- d f'(x) told from h = f(x)) for one floating-point type; both return sum|result|."""
    ONE, ZERO = real(1), real(0)

    @reordered
    def sum_of_sizes(values: Any, count: int) -> Any:
        total = ZERO
        for place in range(count):
            total += abs(values[place])
        return total

    @compiled
    def activate_block(code: int, h: Any, count: int) -> None:
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
    def differentiate_block(code: int, h: Any, d: Any, count: int) -> None:
        if code == SIGMOID:
            for place in range(count):
                d[place] *= h[place] * (ONE - h[place])
        elif code == TANH:
            for place in range(count):
                d[place] *= ONE - h[place] * h[place]
        elif code == RELU:
            for place in range(count):
                d[place] = d[place] if h[place] > ZERO else ZERO

    @compiled
    def activate(code: int, h: Any, count: int) -> Any:
        total = ZERO
        for start in range(0, count, BLOCK):
            block, length = offset(h, start), min(BLOCK, count - start)
            activate_block(code, block, length)
            total += sum_of_sizes(block, length)
        return total

    @compiled
    def differentiate(code: int, h: Any, d: Any, count: int) -> Any:
        total = ZERO
        for start in range(0, count, BLOCK):
            block, length = offset(d, start), min(BLOCK, count - start)
            differentiate_block(code, offset(h, start), block, length)
            total += sum_of_sizes(block, length)
        return total

    return activate, differentiate
