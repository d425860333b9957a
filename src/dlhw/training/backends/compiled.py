"""The compiled backend: all steps up to the next evaluation in one call, and evaluation of sparse inputs."""

from collections.abc import Iterator, Sequence
from time import perf_counter

import torch
from torch import Tensor

from dlhw import interruption
from dlhw.config.optimizer import AdamConfig, AdamWConfig, SGDConfig
from dlhw.config.trainer import Backend
from dlhw.errors import listing
from dlhw.kernels.abi import ADAM, MOMENTUM, NESTEROV
from dlhw.kernels.layer_table import supports_lists
from dlhw.kernels.stepper import CompiledStepper, PenaltySpec, StepTotals, UpdateSpec
from dlhw.kernels.team import ThreadTeam
from dlhw.nn.parameters import ParameterLayout
from dlhw.optim.optimizers import SGD, Adam, AdamW, Optimizer
from dlhw.optim.regularizers import L1, L2, NoRegularizer, Regularizer
from dlhw.training.backends.eager import Steps
from dlhw.training.batches import DeviceDataset, num_batches
from dlhw.training.cohort import Cohort
from dlhw.training.events import Scores
from dlhw.training.metrics import Evaluator, MetricSums, TrainMetrics
from dlhw.training.schedule import ChunkSizer

# Samples of a batch of the evaluation: their activations stay in a core's cache.
EVAL_BATCH = 256
# What `update_spec` and `penalty_spec` know. Types are compared exactly: a subclass computes something else.
OPTIMIZERS = (SGDConfig, AdamConfig, AdamWConfig)
REGULARIZERS = (NoRegularizer, L1, L2)


def reason_against_update(cohort: Cohort) -> str | None:
    """Why the update of a cohort has no compiled form; None if it has one."""
    if any(type(config.optimizer) not in OPTIMIZERS for config in cohort.configs):
        names = listing([optimizer.name for optimizer in OPTIMIZERS])
        return f"optimizer={cohort.config.optimizer.name} has no compiled form ({names} do)"
    if type(cohort.regularizer) not in REGULARIZERS:
        return f"the regularizer {type(cohort.regularizer).__name__} has no compiled form"
    return None


def penalty_spec(regularizer: Regularizer, layout: ParameterLayout, num_runs: int) -> PenaltySpec:
    """Return the gradient of a penalty as slope w + alpha sign(w)."""
    none = torch.zeros(num_runs)
    if isinstance(regularizer, L2):
        return PenaltySpec(regularizer.slope_R1.flatten(), none, regularizer.num_flat == layout.size)
    if isinstance(regularizer, L1):
        return PenaltySpec(none, regularizer.alpha_R1.flatten(), regularizer.num_flat == layout.size)
    return PenaltySpec(none, none, False)


def make_stepper(
    cohort: Cohort, data: DeviceDataset, batch_size: int, team: ThreadTeam | None = None
) -> CompiledStepper:
    """Return the compiled steps of a cohort on these samples."""
    return CompiledStepper(
        cohort.model,
        cohort.layout,
        cohort.loss,
        cohort.params_RP,
        cohort.grads_RP,
        data.inputs,
        data.targets,
        batch_size,
        penalty_spec(cohort.regularizer, cohort.layout, cohort.num_runs),
        update_spec(cohort.optimizer),
        data.sparse,
        team,
    )


def update_spec(optimizer: Optimizer) -> UpdateSpec:
    """Return the update rule of an optimizer, with the optimizer's own state."""
    if isinstance(optimizer, Adam):
        m, v = optimizer.moments()
        decay = optimizer.weight_decay_R1.flatten() if isinstance(optimizer, AdamW) else None
        betas = (optimizer.beta1_R1.flatten(), optimizer.beta2_R1.flatten())
        return UpdateSpec(ADAM, betas[0], m, v, betas[1], optimizer.eps_R1.flatten(), decay)
    assert isinstance(optimizer, SGD), "select_backend takes no other"
    if not optimizer.has_momentum:
        return UpdateSpec()
    code = NESTEROV if optimizer.nesterov else MOMENTUM
    return UpdateSpec(code, optimizer.momentum_R1.flatten(), optimizer.velocities())


def compiled_gradient(cohort: Cohort, data: DeviceDataset) -> Tensor:
    """Return the gradient of the first run on these samples, penalty included: one step at a rate of 0."""
    first = cohort.view(slice(0, 1))
    first.use_gradients(torch.zeros_like(first.params_RP))
    count = data.num_samples
    stepper = make_stepper(first, data, count)
    order, lr_R = torch.arange(count).unsqueeze(0), first.params_RP.new_zeros(1)
    totals = StepTotals.start(torch.zeros(1, dtype=torch.float64), [-1])
    stepper.run(order, 0, count, lr_R, totals, keep_gradients=True)
    return first.grads_RP


class CompiledSteps(Steps):
    """All steps up to the next evaluation in one call, run by run.

    Args:
        cohort: the runs.
        data: their training samples.
        metrics: receives the sums of every call.
        team: threads that make each step together.
    """

    def __init__(self, cohort: Cohort, data: DeviceDataset, metrics: TrainMetrics, team: ThreadTeam) -> None:
        self.cohort, self.data, self.metrics = cohort, data, metrics
        trainer = cohort.config.trainer
        self.batch_size = trainer.batch_size or data.num_samples
        self.stepper = make_stepper(cohort, data, self.batch_size, team)
        steps = num_batches(data.num_samples, self.batch_size, drop_last=trainer.drop_last)
        self.samples_per_epoch = min(steps * self.batch_size, data.num_samples)
        self._done = 0

    def start_epoch(self, order: Tensor | None, done: int) -> None:
        file_order = torch.arange(self.data.num_samples).unsqueeze(0)
        self._order = file_order if order is None else order.contiguous()
        self._done = done

    def train(self, step: int, count: int, lrs: Sequence[float], *, keep_gradients: bool) -> None:
        sums, known = self.metrics.sums, self.metrics.diverged_at
        start = self._done * self.batch_size
        stop = min(start + count * self.batch_size, self.samples_per_epoch)
        totals = StepTotals.start(sums.loss, [-1 if at is None else 0 for at in known])
        lr_R = torch.tensor(list(lrs), dtype=self.cohort.dtype)
        self.stepper.run(
            self._order, start, stop, lr_R, totals, steps_before=step, keep_gradients=keep_gradients
        )
        self.cohort.optimizer.steps = step + count
        self._done += count
        sums.add_counts(totals.correct if self.stepper.counts_correct else None, stop - start)
        first = step + 1 - start // self.batch_size
        self.metrics.diverged_at = [
            first + position // self.batch_size if at is None and position >= 0 else at
            for at, position in zip(known, totals.diverged_at.tolist(), strict=True)
        ]


class CompiledEvaluator(Evaluator):
    """Scores sparse samples by compiled forward passes, others by the layers.

    Args:
        cohort: whose steps are compiled.
        team: threads that score together; None: the caller's own.
    """

    def __init__(self, cohort: Cohort, team: ThreadTeam | None) -> None:
        super().__init__(cohort)
        self.cohort, self.team = cohort, team
        self._steppers: list[tuple[DeviceDataset, CompiledStepper]] = []
        self._chunk_sizer = ChunkSizer()

    def scores(self, params_RP: Tensor, data: DeviceDataset) -> list[Scores]:
        """Return the scores of each run."""
        if not data.is_all_sparse:
            return super().scores(params_RP, data)
        stepper = self._stepper(data)
        sums = MetricSums(stepper.num_runs, params_RP.device)
        totals = StepTotals.start(sums.loss, [-1] * stepper.num_runs)
        for start, stop in self._spans(data.num_samples):
            stepper.score(params_RP, totals, start, stop)
        sums.add_counts(totals.correct if stepper.counts_correct else None, data.num_samples)
        return sums.scores()

    def _spans(self, num_samples: int) -> Iterator[tuple[int, int]]:
        """(start, stop) of the samples of each call; an interrupt waits for one call."""
        start = 0
        while start < num_samples:
            interruption.abandon_if_wanted()
            began, stop = perf_counter(), min(start + self._chunk_sizer.count * EVAL_BATCH, num_samples)
            yield start, stop
            self._chunk_sizer.record(-(-(stop - start) // EVAL_BATCH), perf_counter() - began)
            start = stop

    def _stepper(self, data: DeviceDataset) -> CompiledStepper:
        for known, stepper in self._steppers:
            if known is data:
                return stepper
        stepper = make_stepper(self.cohort, data, EVAL_BATCH, self.team)
        self._steppers.append((data, stepper))
        return stepper


def make_evaluator(cohort: Cohort, backend: Backend, team: ThreadTeam | None = None) -> Evaluator:
    """The evaluator that belongs to the backend of a cohort."""
    return CompiledEvaluator(cohort, team) if backend is Backend.compiled else Evaluator(cohort)


def prepare_data(cohort: Cohort, backend: Backend, data: DeviceDataset) -> DeviceDataset:
    """The samples as the backend reads them: with a sparse copy, where that is faster."""
    return data.with_sparse() if backend is Backend.compiled and supports_lists(cohort.model) else data
