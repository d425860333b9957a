"""Activations in compiled code, in place; the formulas are those of `dlhw.nn.activations`.

exp and tanh are written so that a compiler makes vector instructions of a loop over them.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from dlhw.kernels.layer_table import ACTIVATIONS
from dlhw.kernels.numba_support import compiled, float_of_bits, inlined, offset, reordered, select

F = np.float32


@inlined
def exp32(x: Any) -> Any:
    """e^x in float32, relative error below 1e-7 for -87 <= x <= 88, and as at these ends outside.

    x = k ln 2 + r, |r| <= ln 2 / 2, and a polynomial of degree 6 in r.

    Source: S. Moshier, Cephes Mathematical Library, expf.
    """
    # comparisons, not min and max: NaN must stay NaN
    x = F(-87) if x < F(-87) else x
    x = F(88) if x > F(88) else x
    k = np.floor(x * F(1.44269504088896341) + F(0.5))
    r = x - k * F(0.693359375) + k * F(2.12194440e-4)
    p = F(1.9875691500e-4) * r + F(1.3981999507e-3)
    p = p * r + F(8.3334519073e-3)
    p = p * r + F(4.1665795894e-2)
    p = p * r + F(1.6666665459e-1)
    p = p * r + F(5.0000001201e-1)
    return (p * r * r + r + F(1)) * float_of_bits((np.int32(k) + np.int32(127)) << np.int32(23))


@inlined
def tanh32(x: Any) -> Any:
    """tanh x in float32: a polynomial below 0.625, where 1 - e^-2|x| would cancel, and that above.

    Source: S. Moshier, Cephes Mathematical Library, tanhf.
    """
    size, square = abs(x), x * x
    p = F(-5.70498872745e-3) * square + F(2.06390887954e-2)
    p = p * square + F(-5.37397155531e-2)
    p = p * square + F(1.33314422036e-1)
    p = p * square + F(-3.33332819422e-1)
    e = exp32(F(-2) * size)
    large = (F(1) - e) / (F(1) + e)
    signed = large if x > F(0) else -large
    return p * square * x + x if size < F(0.625) else signed


@inlined
def exp64(x: Any) -> Any:
    """e^x by the C library."""
    return math.exp(x)


@inlined
def tanh64(x: Any) -> Any:
    """tanh x by the C library."""
    return math.tanh(x)


# Numbers that are still in the core's first cache when they are read again.
BLOCK = 2048


def exponential(real: Any) -> Callable[[Any], Any]:
    """Return e^x for one floating-point type."""
    return exp32 if real is np.float32 else exp64


def activation_functions(real: Any) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return (activate, differentiate) for one floating-point type.

    activate(code, h, count): h <- f(h); differentiate(code, h, d, count): d <- d f'(x), given h = f(x). Both
    return sum|result|.
    """
    ONE, ZERO = real(1), real(0)
    exp, tanh = exponential(real), tanh32 if real is np.float32 else tanh64

    @inlined
    def identity(x: Any) -> Any:
        return x

    @inlined
    def identity_gradient(h: Any, d: Any) -> Any:
        return d

    @inlined
    def sigmoid(x: Any) -> Any:
        return ONE / (ONE + exp(-x))

    @inlined
    def sigmoid_gradient(h: Any, d: Any) -> Any:
        return d * (h * (ONE - h))

    @inlined
    def tanh_gradient(h: Any, d: Any) -> Any:
        return d * (ONE - h * h)

    @inlined
    def relu(x: Any) -> Any:
        return ZERO if x < ZERO else x  # this way round NaN stays NaN

    @inlined
    def relu_gradient(h: Any, d: Any) -> Any:
        return d if h > ZERO else ZERO

    functions = {
        "identity": (identity, identity_gradient),
        "sigmoid": (sigmoid, sigmoid_gradient),
        "tanh": (tanh, tanh_gradient),
        "relu": (relu, relu_gradient),
    }
    chosen = [functions[name] for name in ACTIVATIONS.values()]
    activate_block = select([_map_values(forward) for forward, _ in chosen])
    differentiate_block = select([_map_gradients(backward) for _, backward in chosen])

    @reordered
    def sum_of_sizes(values: Any, count: int) -> Any:
        total = ZERO
        for i in range(count):
            total += abs(values[i])
        return total

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


def _map_values(function: Any) -> Any:
    @compiled
    def apply_to_values(h: Any, count: int) -> None:
        for i in range(count):
            h[i] = function(h[i])

    return apply_to_values


def _map_gradients(function: Any) -> Any:
    @compiled
    def apply_to_gradients(h: Any, d: Any, count: int) -> None:
        for i in range(count):
            d[i] = function(h[i], d[i])

    return apply_to_gradients
