"""Update rules in compiled code, from a gradient; the formulas are those of `dlhw.optim.optimizers`."""

import math
from collections.abc import Callable
from typing import Any

from dlhw.kernels.abi import ADAM, NESTEROV
from dlhw.kernels.numba_support import compiled


def rule_of(real: Any) -> Callable[..., None]:
    """The function for one floating-point type."""
    ONE = real(1)

    @compiled
    def adam(
        row: Any, grad: Any, m: Any, v: Any, count: int, lr: Any, betas: Any, eps: Any, step: int
    ) -> None:
        beta1, beta2 = betas
        size = lr / real(1.0 - math.pow(beta1, step))
        root = real(math.sqrt(1.0 - math.pow(beta2, step)))
        for place in range(count):
            g = grad[place]
            m[place] += (ONE - beta1) * (g - m[place])
            v[place] += (ONE - beta2) * (g * g - v[place])
            row[place] -= size * (m[place] / (real(math.sqrt(v[place])) / root + eps))

    @compiled
    def apply(rule: Any, row: Any, grad: Any, state: Any, count: int, step: int) -> None:
        """One update of a run's parameters.

        Args:
            rule: (code, lr, momentum or beta1, beta2, eps, decay), W <- (1 - lr decay) W before Adam.
            row: parameters, changed.
            grad: penalty included.
            state: (velocities or m, v), changed.
            count: of the parameters.
            step: of this update, from 1.
        """
        (code, lr, momentum, beta2, eps, decay), (velocity, squares) = rule, state
        if code == ADAM:
            if decay != 0:
                for place in range(count):
                    row[place] *= ONE - lr * decay
            adam(row, grad, velocity, squares, count, lr, (momentum, beta2), eps, step)
            return
        for place in range(count):
            velocity[place] = momentum * velocity[place] + grad[place]
        for place in range(count):
            update = velocity[place]
            row[place] -= lr * (grad[place] + momentum * update if code == NESTEROV else update)

    return apply
