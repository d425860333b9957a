"""What compiled steps do with a gradient: penalties and update rules of the runs."""

from dataclasses import dataclass

from torch import Tensor

from dlhw.kernels import codes


@dataclass(frozen=True)
class Penalty:
    """What penalties add to the gradients of each run: slope w + alpha sign(w), (R,) each.

    Args:
        slope: of L2.
        alpha: of L1.
        on_biases: whether biases are penalized too.
    """

    slope: Tensor
    alpha: Tensor
    on_biases: bool


@dataclass(frozen=True)
class Rule:
    """What is done with a gradient; the formulas are those of `dlhw.optim.optimizers`.

    Args:
        code: see `dlhw.kernels.codes`.
        momentum: of each run, (R,); beta1 of Adam.
        velocities_RP: of momentum, or m of Adam; changed in place.
        squares_RP: v of Adam; changed in place.
        beta2: of Adam, (R,).
        eps: of Adam, (R,).
        decay: of Adam, (R,): W <- (1 - lr decay) W before the step.
    """

    code: int = codes.PLAIN
    momentum: Tensor | None = None
    velocities_RP: Tensor | None = None
    squares_RP: Tensor | None = None
    beta2: Tensor | None = None
    eps: Tensor | None = None
    decay: Tensor | None = None
