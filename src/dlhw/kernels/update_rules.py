"""Update rules in compiled code, from a gradient; the formulas are those of `dlhw.optim.optimizers`."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from dlhw.kernels.abi import ADAM, MOMENTUM, NESTEROV, PLAIN
from dlhw.kernels.numba_support import compiled, select


class RunUpdate(NamedTuple):
    """How one run is updated.

    Args:
        rule: code.
        lr: learning rate.
        momentum: or beta1 of Adam.
        beta2: of Adam.
        eps: of Adam.
        decay: of Adam: W <- (1 - lr decay) W before the step.
    """

    rule: Any
    lr: Any
    momentum: Any
    beta2: Any
    eps: Any
    decay: Any


def update_function(real: Any) -> Callable[..., None]:
    """Return apply(rule, update, row, grad, velocity, square, count, step) for one floating-point type.

    It makes one update of `count` parameters in `row`, whose gradient (penalty included) is `grad`, and
    changes the optimizer's state: `velocity`, or m and v of Adam. `step` counts updates, from 1.
    """
    ONE = real(1)

    @compiled
    def plain(update: Any, row: Any, grad: Any, velocity: Any, square: Any, count: int, step: int) -> None:
        for i in range(count):
            row[i] -= update.lr * grad[i]

    @compiled
    def momentum(update: Any, row: Any, grad: Any, velocity: Any, square: Any, count: int, step: int) -> None:
        for i in range(count):
            velocity[i] = update.momentum * velocity[i] + grad[i]
        for i in range(count):
            row[i] -= update.lr * velocity[i]

    @compiled
    def nesterov(update: Any, row: Any, grad: Any, velocity: Any, square: Any, count: int, step: int) -> None:
        for i in range(count):
            velocity[i] = update.momentum * velocity[i] + grad[i]
        for i in range(count):
            row[i] -= update.lr * (grad[i] + update.momentum * velocity[i])

    @compiled
    def adam(update: Any, row: Any, grad: Any, m: Any, v: Any, count: int, step: int) -> None:
        lr, beta1, beta2 = update.lr, update.momentum, update.beta2
        if update.decay != 0:
            for i in range(count):
                row[i] *= ONE - lr * update.decay
        size = lr / real(1.0 - math.pow(beta1, step))
        root = real(math.sqrt(1.0 - math.pow(beta2, step)))
        for i in range(count):
            g = grad[i]
            m[i] += (ONE - beta1) * (g - m[i])
            v[i] += (ONE - beta2) * (g * g - v[i])
            row[i] -= size * (m[i] / (real(math.sqrt(v[i])) / root + update.eps))

    functions = {PLAIN: plain, MOMENTUM: momentum, NESTEROV: nesterov, ADAM: adam}
    return select([functions[code] for code in range(len(functions))])
