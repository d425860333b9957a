"""Making the updates of a shard by compiled loops."""

from collections.abc import Sequence

import torch
from torch import Tensor

from dlhw.kernels import codes
from dlhw.kernels.descent import Penalty, Rule
from dlhw.kernels.program import Program, Tally
from dlhw.kernels.team import Team
from dlhw.nn.parameters import Layout
from dlhw.optim.optimizers import SGD, Adam, AdamW, Optimizer
from dlhw.optim.regularizers import L1, L2, Regularizer
from dlhw.training.cohort import Cohort
from dlhw.training.pool import Pool, num_batches
from dlhw.training.scoring import RunningScores
from dlhw.training.steps import Steps


def penalty_of(regularizer: Regularizer, layout: Layout, num_runs: int) -> Penalty:
    """The penalty's gradient as slope w + alpha sign(w)."""
    none = torch.zeros(num_runs)
    if isinstance(regularizer, L2):
        return Penalty(regularizer.slope_R1.flatten(), none, regularizer.num_flat == layout.size)
    if isinstance(regularizer, L1):
        return Penalty(none, regularizer.alpha_R1.flatten(), regularizer.num_flat == layout.size)
    return Penalty(none, none, False)


def program_of(cohort: Cohort, pool: Pool, batch_size: int, team: Team | None = None) -> Program:
    """The compiled steps of a cohort on these samples."""
    return Program(
        cohort.model,
        cohort.layout,
        cohort.loss,
        cohort.params_RP,
        cohort.grads_RP,
        pool.inputs,
        pool.targets,
        batch_size,
        penalty_of(cohort.regularizer, cohort.layout, cohort.num_runs),
        rule_of(cohort.optimizer),
        pool.listed,
        team,
    )


def rule_of(optimizer: Optimizer) -> Rule:
    """An update rule for compiled steps, with the optimizer's own state."""
    if isinstance(optimizer, Adam):
        m, v = optimizer.moments()
        decay = optimizer.weight_decay_R1.flatten() if isinstance(optimizer, AdamW) else None
        betas = (optimizer.beta1_R1.flatten(), optimizer.beta2_R1.flatten())
        return Rule(codes.ADAM, betas[0], m, v, betas[1], optimizer.eps_R1.flatten(), decay)
    assert isinstance(optimizer, SGD), "resolve_kernels takes no other"
    if not optimizer.has_momentum:
        return Rule()
    code = codes.NESTEROV if optimizer.nesterov else codes.MOMENTUM
    return Rule(code, optimizer.momentum_R1.flatten(), optimizer.velocities())


def compiled_gradient(cohort: Cohort, pool: Pool) -> Tensor:
    """Gradient of the first run on these samples, penalty included, by one compiled step at a rate of 0."""
    part = cohort.part(slice(0, 1))
    part.use_gradients(torch.zeros_like(part.params_RP))
    count = pool.num_samples
    program = program_of(part, pool, count)
    order, lr_R = torch.arange(count).unsqueeze(0), part.params_RP.new_zeros(1)
    tally = Tally.of(torch.zeros(1, dtype=torch.float64), [-1])
    program.run(order, 0, count, lr_R, tally, keep_gradients=True)
    return part.grads_RP


class CompiledSteps(Steps):
    """All steps up to the next evaluation in one call, run by run.

    Args:
        cohort: the runs; see `resolve_kernels`.
        pool: their training samples.
        running: told the sums of every call.
        team: threads that make each step together.
    """

    def __init__(self, cohort: Cohort, pool: Pool, running: RunningScores, team: Team) -> None:
        self.cohort, self.pool, self.running = cohort, pool, running
        trainer = cohort.config.trainer
        self.batch_size = trainer.batch_size or pool.num_samples
        self.program = program_of(cohort, pool, self.batch_size, team)
        steps = num_batches(pool.num_samples, self.batch_size, drop_last=trainer.drop_last)
        self.samples_per_epoch = min(steps * self.batch_size, pool.num_samples)
        self._done = 0

    def start_epoch(self, order: Tensor | None, done: int) -> None:
        file_order = torch.arange(self.pool.num_samples).unsqueeze(0)
        self._order = file_order if order is None else order.contiguous()
        self._done = done

    def train(self, step: int, count: int, lrs: Sequence[float], *, keep_gradients: bool) -> None:
        sums, known = self.running.sums, self.running.diverged_at
        start = self._done * self.batch_size
        stop = min(start + count * self.batch_size, self.samples_per_epoch)
        tally = Tally.of(sums.loss, [-1 if at is None else 0 for at in known])
        lr_R = torch.tensor(list(lrs), dtype=self.cohort.dtype)
        self.program.run(
            self._order, start, stop, lr_R, tally, steps_before=step, keep_gradients=keep_gradients
        )
        self.cohort.optimizer.steps = step + count
        self._done += count
        sums.add_counts(tally.right if self.program.counts_right else None, stop - start)
        first = step + 1 - start // self.batch_size
        self.running.diverged_at = [
            first + place // self.batch_size if at is None and place >= 0 else at
            for at, place in zip(known, tally.ended.tolist(), strict=True)
        ]
