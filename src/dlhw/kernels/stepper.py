"""Compiled training steps of a cohort: the memory and numbers of a call, and the call."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from dlhw.kernels.abi import CALL, LINE, PLAIN, Kind, call_type
from dlhw.kernels.aot_cache import REALS, load_steps
from dlhw.kernels.layer_table import LOSSES, code_of, layer_table, supports_lists
from dlhw.kernels.llvm_support import gemm_address
from dlhw.kernels.offset_csr import OffsetCSR
from dlhw.kernels.team import ThreadTeam
from dlhw.nn.containers import Network
from dlhw.nn.losses import Loss, SquaredError
from dlhw.nn.parameters import ParameterLayout

# Inputs that are gathered before the runs take turns: enough steps that a run's weights, once in the core's
# cache, are used for many of them.
GATHERED_BYTES = 2**20


@dataclass(frozen=True)
class PenaltySpec:
    """What penalties add to the gradient of each run: slope w + alpha sign(w).

    Args:
        slope: of L2, (R,).
        alpha: of L1, (R,).
        on_biases: whether biases are penalized too.
    """

    slope: Tensor
    alpha: Tensor
    on_biases: bool


@dataclass(frozen=True)
class UpdateSpec:
    """The update rule of the runs; the formulas are those of `dlhw.optim.optimizers`.

    Args:
        code: PLAIN, MOMENTUM, NESTEROV or ADAM of `dlhw.kernels.abi`.
        momentum: (R,); beta1 of Adam.
        velocities_RP: of momentum, or m of Adam; changed in place.
        squares_RP: v of Adam; changed in place.
        beta2: of Adam, (R,).
        eps: of Adam, (R,).
        decay: of Adam, (R,): W <- (1 - lr decay) W before the step.
    """

    code: int = PLAIN
    momentum: Tensor | None = None
    velocities_RP: Tensor | None = None
    squares_RP: Tensor | None = None
    beta2: Tensor | None = None
    eps: Tensor | None = None
    decay: Tensor | None = None


@dataclass(frozen=True)
class StepTotals:
    """What steps add to, (R,) each.

    Args:
        losses: sum of the samples' losses, float64: one number after the other, in their order, so that it
            makes no difference in how many calls the steps are made.
        correct: number of correct predictions.
        diverged_at: -1 for runs that train; for the others the position in the order of the batch whose loss
            or gradient was not finite.
    """

    losses: Tensor
    correct: Tensor
    diverged_at: Tensor

    @classmethod
    def start(cls, losses: Tensor, diverged_at: Sequence[int]) -> "StepTotals":
        """Add to these losses; leave out the runs that have diverged before."""
        return cls(losses, torch.zeros(len(diverged_at), dtype=torch.long), torch.tensor(diverged_at))

    def memory(self) -> dict[str, Tensor]:
        """Return the tensors by the names of a call's fields."""
        return {"losses": self.losses, "correct": self.correct, "diverged_at": self.diverged_at}


class CompiledStepper:
    """Compiled steps of gradient descent for the runs of a cohort, on the CPU.

    Args:
        model: a chain; see `reason_against`.
        layout: offsets of its parameters.
        loss: with a compiled form.
        params_RP: changed in place.
        grads_RP: written when gradients are kept.
        inputs: (R or 1, n, *shape), floating point.
        targets: (R or 1, n) or (R or 1, n, K).
        batch_size: B.
        penalty: of each run.
        update: None: W <- W - lr g.
        listed: the same inputs in sparse form; used where the first layer is affine.
        team: threads that make each step together; None: the caller's own.

    Raises:
        CannotCompile: if this machine has no compiled steps.
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
        update: UpdateSpec | None = None,
        listed: OffsetCSR | None = None,
        team: ThreadTeam | None = None,
    ) -> None:
        self.num_runs = params_RP.shape[0]
        self.team = team or ThreadTeam(1)
        self.steps = load_steps(params_RP.dtype)
        self.counts_correct = not isinstance(loss, SquaredError)
        self._dtypes = {
            Kind.reals: params_RP.dtype,
            Kind.integers: torch.int64,
            Kind.shorts: torch.int32,
            Kind.doubles: torch.float64,
        }
        self._call_type = call_type(REALS[params_RP.dtype])
        inputs = inputs.flatten(2).to(params_RP).contiguous()
        self.num_samples, width = inputs.shape[1:]
        num_batches = max(1, GATHERED_BYTES // (batch_size * width * inputs.element_size()))
        self._layers, work_size = layer_table(model, layout, batch_size, self.team.size)
        if listed is None or not supports_lists(model):
            listed = OffsetCSR.none(self.num_runs, width)
        # compiled code sees the memory of these tensors, so they must live as long as this object
        self._memory: dict[str, Tensor] = {
            "params": params_RP,
            "grads": grads_RP,
            "inputs": inputs,
            "work": params_RP.new_empty(work_size),
            "partials": torch.zeros(batch_size + LINE * self.team.size, dtype=torch.double),
            "barrier": self.team.barrier,
            "batches": params_RP.new_empty(num_batches * batch_size * width),
            "slope": penalty.slope.to(params_RP).contiguous(),
            "alpha": penalty.alpha.to(params_RP).contiguous(),
            **_target_memory(loss, targets, params_RP),
            **_update_memory(update or UpdateSpec(), params_RP),
            **_list_memory(listed, params_RP, num_batches, batch_size),
        }
        self._numbers: dict[str, int | float] = {
            "stride": params_RP.stride(0),
            "num_runs": self.num_runs,
            "gemm": gemm_address(params_RP.dtype),
            "layers": self._layers.ctypes.data,
            "num_layers": len(self._layers),
            "csc_size": batch_size * listed.most,
            "input_stride": 0 if inputs.shape[0] == 1 else inputs.shape[1],
            "largest_x": max(abs(float(end)) for end in inputs.aminmax()),  # a copy of |x| would be large
            "target_stride": 0 if targets.shape[0] == 1 else targets.shape[1],
            "batch": batch_size,
            "loss": code_of(LOSSES, type(loss)),
            "factor": loss.factor if isinstance(loss, SquaredError) else 1.0,
            "rule": (update or UpdateSpec()).code,
            "on_biases": float(penalty.on_biases),
            "num_batches": num_batches,
            "parts": self.team.size,
        }

    def run(
        self,
        order: Tensor,
        start: int,
        stop: int,
        lr_R: Tensor,
        totals: StepTotals,
        *,
        steps_before: int = 0,
        keep_gradients: bool,
    ) -> None:
        """Make the steps of an epoch from one position in the order to another.

        Args:
            order: indices of the samples, (R or 1, length), contiguous.
            start: first position.
            stop: one past the last; a smaller last batch ends there.
            lr_R: learning rates; 0 leaves a run's parameters as they are.
            totals: are added to.
            steps_before: updates made before, in all epochs.
            keep_gradients: whether the last step writes its gradient (penalty included).
        """
        memory = {"order": order, "lr": lr_R, **totals.memory()}
        numbers = {
            "order_stride": 0 if order.shape[0] == 1 else order.shape[1],
            "start": start,
            "stop": stop,
            "steps_before": steps_before,
            "is_training": 1,
            "keep_gradients": int(keep_gradients),
        }
        self._call(memory, numbers)

    def score(self, params_RP: Tensor, totals: StepTotals, start: int, stop: int) -> None:
        """Add losses and correct predictions of the samples start to stop, with these parameters."""
        order, lr_R = torch.arange(self.num_samples), params_RP.new_zeros(self.num_runs)
        memory = {"params": params_RP, "order": order, "lr": lr_R, **totals.memory()}
        numbers = {"stride": params_RP.stride(0), "start": start, "stop": stop}
        self._call(memory, numbers)

    def _call(self, memory: Mapping[str, Tensor], numbers: Mapping[str, int | float]) -> None:
        """Fill in a record and pass its address to compiled code; fields that are not given are 0."""
        record = np.zeros(1, self._call_type)
        tensors = {**self._memory, **memory}
        for name, tensor in tensors.items():
            assert tensor.dtype is self._dtypes[CALL[name]], f"{name} has the type {tensor.dtype}"
            record[name] = tensor.data_ptr()
        for name, number in {**self._numbers, **numbers}.items():
            record[name] = number
        address = record.ctypes.data
        self.team.call(lambda part: self.steps(address, part))


def _target_memory(loss: Loss, targets: Tensor, like: Tensor) -> dict[str, Tensor]:
    """Return classes as labels, or the targets of a regression as values."""
    if isinstance(loss, SquaredError):
        labels = torch.zeros(targets.shape[:2], dtype=torch.long)
        return {"labels": labels, "values": targets.contiguous()}
    return {"labels": targets.long().contiguous(), "values": like.new_empty(1)}


def _update_memory(update: UpdateSpec, like: Tensor) -> dict[str, Tensor]:
    """Return the optimizer's state and its numbers, 0 where the rule has none."""
    memory = {
        "velocities": like.new_empty(1) if update.velocities_RP is None else update.velocities_RP,
        "squares": like.new_empty(1) if update.squares_RP is None else update.squares_RP,
    }
    for name in ("momentum", "beta2", "eps", "decay"):
        numbers: Tensor | None = getattr(update, name)
        memory[name] = like.new_zeros(like.shape[0]) if numbers is None else numbers.to(like).contiguous()
    return memory


def _list_memory(listed: OffsetCSR, like: Tensor, num_batches: int, batch_size: int) -> dict[str, Tensor]:
    """Return the inputs in sparse form, and memory for batches listed by columns."""
    size = max(1, num_batches * batch_size * listed.most)
    return {
        "is_listed": listed.is_listed,
        "has_background": listed.has_background,
        "backgrounds": listed.backgrounds.to(like),
        "starts": listed.starts,
        "columns": listed.columns,
        "entries": listed.entries.to(like),
        "csc_starts": listed.starts.new_empty(num_batches * (listed.backgrounds.shape[1] + 1)),
        "csc_rows": listed.columns.new_empty(size),
        "csc_entries": like.new_empty(size),
    }
