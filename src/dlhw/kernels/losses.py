"""Losses of a batch in compiled code; the formulas are those of `dlhw.nn.losses`."""

import math
from collections.abc import Callable
from typing import Any

from dlhw.kernels.activations import exponential
from dlhw.kernels.layer_table import LOSSES
from dlhw.kernels.numba_support import compiled, select


def sample_loss_function(real: Any) -> Callable[..., Any]:
    """Return sample_loss(code, factor, z, label, target, d, K) for one floating-point type.

    It returns the loss of one sample and whether its predicted class is correct (for regression: false), and
    writes into d (K) the gradient of that loss. `label` is for classes, `target` (K) for regression.
    """
    ONE, ZERO = real(1), real(0)
    exp = exponential(real)

    @compiled
    def argmax(z: Any, outputs: int) -> int:
        top = 0
        for k in range(1, outputs):
            if z[k] > z[top]:
                top = k
        return top

    @compiled
    def cross_entropy(factor: Any, z: Any, label: int, target: Any, d: Any, outputs: int) -> Any:
        largest, total = z[argmax(z, outputs)], ZERO
        for k in range(outputs):
            d[k] = exp(z[k] - largest)
            total += d[k]
        for k in range(outputs):
            d[k] /= total
        d[label] -= ONE
        return real(math.log(total)) + largest - z[label], argmax(z, outputs) == label

    @compiled
    def perceptron(factor: Any, z: Any, label: int, target: Any, d: Any, outputs: int) -> Any:
        top = argmax(z, outputs)
        for k in range(outputs):
            d[k] = ZERO
        d[top] += ONE
        d[label] -= ONE
        return z[top] - z[label], top == label

    @compiled
    def binary_cross_entropy(factor: Any, z: Any, label: int, target: Any, d: Any, outputs: int) -> Any:
        smaller = exp(-abs(z[0]))
        log_of_sigmoid = min(z[0], ZERO) - real(math.log1p(smaller))
        sigmoid = (ONE if z[0] >= ZERO else smaller) / (ONE + smaller)
        d[0] = sigmoid - real(label)
        return real(1 - label) * z[0] - log_of_sigmoid, (z[0] > ZERO) == (label == 1)

    @compiled
    def binary_squared_error(factor: Any, z: Any, label: int, target: Any, d: Any, outputs: int) -> Any:
        error = z[0] - real(label)
        d[0] = error + error
        return error * error, (z[0] > real(0.5)) == (label == 1)

    @compiled
    def squared_error(factor: Any, z: Any, label: int, target: Any, d: Any, outputs: int) -> Any:
        total = ZERO
        for k in range(outputs):
            error = z[k] - target[k]
            total += error * error
            d[k] = (factor + factor) * error / real(outputs)
        return factor * total / real(outputs), False

    functions = {
        "cross_entropy": cross_entropy,
        "perceptron": perceptron,
        "binary_cross_entropy": binary_cross_entropy,
        "binary_squared_error": binary_squared_error,
        "squared_error": squared_error,
    }
    return select([functions[name] for name in LOSSES.values()])
