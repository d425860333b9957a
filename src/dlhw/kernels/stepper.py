"""What of a cohort can train in compiled steps, and the call of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from dlhw.kernels import abi
from dlhw.kernels.abi import ARGUMENTS, LINE
from dlhw.kernels.aot_cache import load_steps
from dlhw.kernels.blas import gemm_address
from dlhw.kernels.chain import LOSSES, table_of, takes_lists
from dlhw.kernels.offset_csr import OffsetCSR
from dlhw.kernels.team import ThreadTeam
from dlhw.nn.containers import Network
from dlhw.nn.losses import Loss, SquaredError
from dlhw.nn.parameters import ParameterLayout


@dataclass(frozen=True)
class PenaltySpec:
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
class UpdateSpec:
    """What is done with a gradient; the formulas are those of `dlhw.optim.optimizers`.

    Args:
        code: see `dlhw.kernels.abi`.
        momentum: of each run, (R,); beta1 of Adam.
        velocities_RP: of momentum, or m of Adam; changed in place.
        squares_RP: v of Adam; changed in place.
        beta2: of Adam, (R,).
        eps: of Adam, (R,).
        decay: of Adam, (R,): W <- (1 - lr decay) W before the step.
    """

    code: int = abi.PLAIN
    momentum: Tensor | None = None
    velocities_RP: Tensor | None = None
    squares_RP: Tensor | None = None
    beta2: Tensor | None = None
    eps: Tensor | None = None
    decay: Tensor | None = None


# Inputs that are gathered before the runs take turns: enough steps that a run's weights, once in the core's
# cache, are used for many of them.
GATHERED_BYTES = 2**20


@dataclass(frozen=True)
class StepTotals:
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
    def of(cls, losses: Tensor, ended: Sequence[int]) -> "StepTotals":
        """Add to these losses; begin with the runs that have ended before."""
        return cls(losses, torch.zeros(len(ended), dtype=torch.long), torch.tensor(ended))

    def memory(self) -> dict[str, Tensor]:
        """By the names of the compiled steps' arguments."""
        return {"losses": self.losses, "right": self.right, "ended": self.ended}


class CompiledStepper:
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
        rule: None: W <- W - lr g.
        listed: the same inputs, listed; used where the first layer is affine.
        team: threads that make each step together; None: the caller's own.
    """

    def __init__(
        self,
        model: Network,
        layout: ParameterLayout,
        loss: Loss,
        params_RP: Tensor,
        grads_RP: Tensor,
        inputs: Tensor,
        targets: Tensor,
        batch_size: int,
        penalty: PenaltySpec,
        rule: UpdateSpec | None = None,
        listed: OffsetCSR | None = None,
        team: ThreadTeam | None = None,
    ) -> None:
        self.num_runs = params_RP.shape[0]
        self.team = team or ThreadTeam(1)
        self.steps = load_steps(params_RP.dtype)
        inputs = inputs.flatten(2).to(params_RP).contiguous()
        layers, work_size = table_of(model, layout, batch_size, self.team.size)
        listed = listed if takes_lists(model) else None
        width = inputs.shape[2]
        num_batches = max(1, GATHERED_BYTES // (batch_size * width * inputs.element_size()))
        is_regression = isinstance(loss, SquaredError)
        self.counts_right = not is_regression
        targets = targets.contiguous() if is_regression else targets.long().contiguous()
        nothing = params_RP.new_empty(1)
        rule = rule or UpdateSpec()

        def of_rule(numbers: Tensor | None) -> Tensor:
            return (
                params_RP.new_zeros(self.num_runs) if numbers is None else numbers.to(params_RP).contiguous()
            )

        # tensors whose memory the compiled code sees: they must live as long as this object
        self._memory: dict[str, Tensor] = {
            "params": params_RP,
            "grads": grads_RP,
            "layers": layers,
            "inputs": inputs,
            "labels": torch.zeros(targets.shape[:2], dtype=torch.long) if is_regression else targets,
            "values": targets if is_regression else nothing,
            "velocities": nothing if rule.velocities_RP is None else rule.velocities_RP,
            "squares": nothing if rule.squares_RP is None else rule.squares_RP,
            "momentum": of_rule(rule.momentum),
            "beta2": of_rule(rule.beta2),
            "eps": of_rule(rule.eps),
            "decay": of_rule(rule.decay),
            "slope": penalty.slope.to(params_RP).contiguous(),
            "alpha": penalty.alpha.to(params_RP).contiguous(),
            "work": params_RP.new_empty(work_size),
            "shared": torch.zeros(batch_size + LINE * self.team.size, dtype=torch.double),
            "meeting": self.team.meeting,
            "batches": params_RP.new_empty(num_batches * batch_size * width),
            **self._lists(listed, params_RP, num_batches, batch_size, width),
        }
        self._numbers: dict[str, Any] = {
            "stride": params_RP.stride(0),
            "num_runs": self.num_runs,
            "gemm": gemm_address(params_RP.dtype),
            "num_layers": layers.shape[0],
            "csc_size": 0 if listed is None else batch_size * listed.most,
            "input_stride": 0 if inputs.shape[0] == 1 else inputs.shape[1],
            "largest_x": max(abs(float(end)) for end in inputs.aminmax()),  # a copy of |x| would be large
            "target_stride": 0 if targets.shape[0] == 1 else targets.shape[1],
            "batch": batch_size,
            "loss": LOSSES[type(loss)],
            "factor": loss.factor if isinstance(loss, SquaredError) else 1.0,
            "rule": rule.code,
            "on_biases": float(penalty.on_biases),
            "num_batches": num_batches,
        }

    @staticmethod
    def _lists(
        listed: OffsetCSR | None, like: Tensor, num_batches: int, batch_size: int, width: int
    ) -> dict[str, Tensor]:
        """The lists, and room for batches listed by columns."""
        none = torch.zeros(1, dtype=torch.long)
        if listed is None:
            listed = OffsetCSR.none(like.shape[0], width)
        room = max(1, num_batches * batch_size * listed.most)
        return {
            "is_listed": listed.is_listed,
            "has_background": listed.has_background,
            "backgrounds": listed.backgrounds.to(like),
            "starts": listed.starts,
            "columns": listed.columns,
            "entries": listed.entries.to(like),
            "csc_starts": none.new_empty(num_batches * (width + 1)),
            "csc_rows": listed.columns.new_empty(room),
            "csc_entries": like.new_empty(room),
        }

    def run(
        self,
        order: Tensor,
        start: int,
        stop: int,
        lr_R: Tensor,
        tally: StepTotals,
        *,
        steps_before: int = 0,
        keep_gradients: bool,
    ) -> None:
        """Make the steps of an epoch from one place in the order to another.

        Args:
            order: places of the samples, (R or 1, length), contiguous.
            start: first place.
            stop: one behind the last; a smaller last batch ends there.
            lr_R: learning rates; 0 leaves a run's parameters as they are.
            tally: is added to.
            steps_before: updates made before, in all epochs.
            keep_gradients: whether the last step leaves its gradient (penalty included).
        """
        memory = {"order": order, "lr": lr_R, **tally.memory()}
        numbers = {
            "order_stride": 0 if order.shape[0] == 1 else order.shape[1],
            "start": start,
            "stop": stop,
            "steps_before": steps_before,
            "is_training": 1,
            "keep_gradients": int(keep_gradients),
        }
        self._call(memory, numbers)

    def score(self, params_RP: Tensor, tally: StepTotals, start: int, stop: int) -> None:
        """Add losses and right predictions of the samples start to stop, with these parameters."""
        num_samples = self._memory["inputs"].shape[1]
        order, lr_R = torch.arange(num_samples), params_RP.new_zeros(self.num_runs)
        memory = {"params": params_RP, "order": order, "lr": lr_R, **tally.memory()}
        numbers = {
            "stride": params_RP.stride(0),
            "order_stride": 0,
            "start": start,
            "stop": stop,
            "steps_before": 0,
            "is_training": 0,
            "keep_gradients": 0,
        }
        self._call(memory, numbers)

    def _call(self, memory: Mapping[str, Tensor], numbers: Mapping[str, Any]) -> None:
        addresses = {name: tensor.data_ptr() for name, tensor in {**self._memory, **memory}.items()}
        given = {**self._numbers, **numbers, **addresses, "parts": self.team.size}
        self.team.call(lambda part: self.steps(*({**given, "part": part}[name] for name in ARGUMENTS)))
