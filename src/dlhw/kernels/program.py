"""What of a cohort can train in compiled steps, and the call of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from dlhw.kernels.arguments import ARGUMENTS
from dlhw.kernels.blas import gemm_address
from dlhw.kernels.chain import LOSSES, table_of
from dlhw.kernels.objectcode import load_steps
from dlhw.nn.losses import Loss, SquaredError
from dlhw.nn.network import Network
from dlhw.nn.parameters import Layout

# Inputs that are gathered before the runs take turns: enough steps that a run's weights, once in the core's
# cache, are used for many of them.
GATHERED_BYTES = 2**20


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
class Momentum:
    """v <- rate v + g of each run, and W <- W - lr v.

    Args:
        rate: (R,).
        velocities_RP: v, changed in place.
    """

    rate: Tensor
    velocities_RP: Tensor


@dataclass(frozen=True)
class Tally:
    """What steps add to, (R,) each.

    Args:
        losses: sum of the samples' losses, float64: one number after the other, in their order, so that it
            makes no difference in how many calls the steps are made.
        right: right predictions.
        ended: -1 for runs that train; the place in the order of the batch whose loss or gradient was not
            finite, for runs that have ended there.
    """

    losses: Tensor
    right: Tensor
    ended: Tensor

    @classmethod
    def of(cls, losses: Tensor, ended: Sequence[int]) -> "Tally":
        """Add to these losses; begin with the runs that have ended before."""
        return cls(losses, torch.zeros(len(ended), dtype=torch.long), torch.tensor(ended))


class Program:
    """Compiled steps of gradient descent for the runs of a cohort, on the CPU.

    Args:
        model: a chain; see `reason_against`.
        layout: where its parameters lie.
        loss: with a compiled form.
        params_RP: changed in place.
        grads_RP: written when gradients are kept.
        inputs: (R or 1, n, *shape), floating point.
        targets: (R or 1, n) or (R or 1, n, K).
        batch_size: B.
        penalty: of each run.
        momentum: of each run; None: W <- W - lr g.
    """

    def __init__(
        self,
        model: Network,
        layout: Layout,
        loss: Loss,
        params_RP: Tensor,
        grads_RP: Tensor,
        inputs: Tensor,
        targets: Tensor,
        batch_size: int,
        penalty: Penalty,
        momentum: Momentum | None = None,
    ) -> None:
        self.num_runs = params_RP.shape[0]
        self.steps = load_steps(params_RP.dtype)
        inputs = inputs.flatten(2).to(params_RP).contiguous()
        layers, work_size = table_of(model, layout, batch_size)
        width = inputs.shape[2]
        num_batches = max(1, GATHERED_BYTES // (batch_size * width * inputs.element_size()))
        is_regression = isinstance(loss, SquaredError)
        self.counts_right = not is_regression
        targets = targets.contiguous() if is_regression else targets.long().contiguous()
        nothing = params_RP.new_empty(1)
        rate = params_RP.new_zeros(self.num_runs) if momentum is None else momentum.rate
        # tensors whose memory the compiled code sees: they must live as long as this object
        self._memory: dict[str, Tensor] = {
            "params": params_RP,
            "grads": grads_RP,
            "layers": layers,
            "inputs": inputs,
            "labels": torch.zeros(targets.shape[:2], dtype=torch.long) if is_regression else targets,
            "values": targets if is_regression else nothing,
            "velocities": nothing if momentum is None else momentum.velocities_RP,
            "momentum": rate.contiguous(),
            "slope": penalty.slope.to(params_RP).contiguous(),
            "alpha": penalty.alpha.to(params_RP).contiguous(),
            "work": params_RP.new_empty(work_size),
            "batches": params_RP.new_empty(num_batches * batch_size * width),
        }
        self._numbers: dict[str, Any] = {
            "stride": params_RP.stride(0),
            "num_runs": self.num_runs,
            "gemm": gemm_address(params_RP.dtype),
            "num_layers": layers.shape[0],
            "input_stride": 0 if inputs.shape[0] == 1 else inputs.shape[1],
            "largest_x": float(inputs.abs().max()),
            "target_stride": 0 if targets.shape[0] == 1 else targets.shape[1],
            "batch": batch_size,
            "loss": LOSSES[type(loss)],
            "factor": loss.factor if isinstance(loss, SquaredError) else 1.0,
            "has_momentum": int(momentum is not None),
            "on_biases": float(penalty.on_biases),
            "num_batches": num_batches,
        }

    def run(
        self, order: Tensor, start: int, stop: int, lr_R: Tensor, tally: Tally, *, keep_gradients: bool
    ) -> None:
        """Make the steps of an epoch from one place in the order to another.

        Args:
            order: places of the samples, (R or 1, length), contiguous.
            start: first place.
            stop: one behind the last; a smaller last batch ends there.
            lr_R: learning rates; 0 leaves a run's parameters as they are.
            tally: is added to.
            keep_gradients: whether the last step leaves its gradient (penalty included).
        """
        memory = self._memory | {
            "order": order,
            "lr": lr_R,
            "losses": tally.losses,
            "right": tally.right,
            "ended": tally.ended,
        }
        numbers = self._numbers | {
            "order_stride": 0 if order.shape[0] == 1 else order.shape[1],
            "start": start,
            "stop": stop,
            "keep_gradients": int(keep_gradients),
        }
        given = numbers | {name: tensor.data_ptr() for name, tensor in memory.items()}
        self.steps(*(given[name] for name in ARGUMENTS))
