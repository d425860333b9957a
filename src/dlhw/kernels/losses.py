"""Losses of a batch in compiled code; the formulas are those of `dlhw.nn.losses`."""

import math
from collections.abc import Callable
from typing import Any

from dlhw.kernels.abi import BINARY_CROSS_ENTROPY, BINARY_SQUARED_ERROR, CROSS_ENTROPY, PERCEPTRON
from dlhw.kernels.numba_support import compiled


def sample_loss_of(real: Any, exp: Callable[[Any], Any]) -> Callable[..., Any]:
    """The function for one floating-point type."""
    ONE, ZERO = real(1), real(0)

    @compiled
    def top_of(z: Any, outputs: int) -> int:
        top = 0
        for k in range(1, outputs):
            if z[k] > z[top]:
                top = k
        return top

    @compiled
    def cross_entropy(z: Any, label: int, d: Any, outputs: int) -> Any:
        largest, total = z[top_of(z, outputs)], ZERO
        for k in range(outputs):
            d[k] = exp(z[k] - largest)
            total += d[k]
        for k in range(outputs):
            d[k] /= total
        d[label] -= ONE
        return real(math.log(total)) + largest - z[label]

    @compiled
    def perceptron(z: Any, label: int, d: Any, outputs: int) -> Any:
        top = top_of(z, outputs)
        for k in range(outputs):
            d[k] = ZERO
        d[top] += ONE
        d[label] -= ONE
        return z[top] - z[label]

    @compiled
    def binary_cross_entropy(z: Any, label: int) -> Any:
        smaller = exp(-abs(z))
        log_of_sigmoid = min(z, ZERO) - real(math.log1p(smaller))
        sigmoid = (ONE if z >= ZERO else smaller) / (ONE + smaller)
        return real(1 - label) * z - log_of_sigmoid, sigmoid - real(label)

    @compiled
    def sample_loss(code: int, factor: Any, z: Any, label: int, target: Any, d: Any, outputs: int) -> Any:
        """Loss of one sample, and whether its predicted class is right (for regression: false).

        Writes into d what the sample adds to N dloss/dz. `label` is for classes, `target` (K) for regression.
        """
        if code == CROSS_ENTROPY:
            return cross_entropy(z, label, d, outputs), top_of(z, outputs) == label
        if code == PERCEPTRON:
            return perceptron(z, label, d, outputs), top_of(z, outputs) == label
        if code == BINARY_CROSS_ENTROPY:
            value, d[0] = binary_cross_entropy(z[0], label)
            return value, (z[0] > ZERO) == (label == 1)
        if code == BINARY_SQUARED_ERROR:
            error = z[0] - real(label)
            d[0] = error + error
            return error * error, (z[0] > real(0.5)) == (label == 1)
        total = ZERO
        for k in range(outputs):
            error = z[k] - target[k]
            total += error * error
            d[k] = (factor + factor) * error / real(outputs)
        return factor * total / real(outputs), False

    return sample_loss
