"""Runs of a cohort that step together."""

from collections.abc import Sequence
from threading import Event
from typing import Any

import torch
from torch import Tensor

from dlhw.config.trainer import Backend
from dlhw.kernels.team import ThreadTeam
from dlhw.sections import METRICS, OPTIMIZER, RNG, with_prefix
from dlhw.training.backends.compiled import CompiledSteps, make_evaluator, prepare_data
from dlhw.training.backends.cuda_graph import CudaGraphSteps
from dlhw.training.backends.eager import AutogradGradient, EagerSteps, ManualGradient, Steps
from dlhw.training.backends.threads import Workers, plan_of
from dlhw.training.batches import BatchSampler, DropoutRNG, Splits
from dlhw.training.cohort import Cohort
from dlhw.training.events import Scores
from dlhw.training.metrics import TrainMetrics
from dlhw.training.state import ResumeState


class Shard:
    """Consecutive runs of a cohort, with buffers, random generators and training metrics of their own.

    Shards share nothing that is written, so each may train on a thread of its own.

    Args:
        cohort: the runs.
        splits: their samples.
        rows: the runs' rows in the whole cohort.
        stopped: set when training is to end before the next step.
        backend: that executes its steps.
        team: threads that make compiled steps together.
    """

    def __init__(
        self,
        cohort: Cohort,
        splits: Splits,
        rows: slice,
        stopped: Event,
        backend: Backend,
        team: ThreadTeam,
    ) -> None:
        self.cohort, self.splits, self.rows = cohort, splits, rows
        trainer, train = cohort.config.trainer, splits["train"]
        seeds = [config.seed for config in cohort.configs]
        batch_size = trainer.batch_size or train.num_samples
        self.sampler = BatchSampler(seeds, train.num_samples, batch_size, trainer.resolved_sampling())
        self.dropout_rng = DropoutRNG(seeds, cohort.dtype)
        self.evaluator = make_evaluator(cohort, backend, team)
        self.metrics = TrainMetrics(cohort.loss, cohort.num_runs, cohort.device)
        self.steps = self._make_steps(backend, stopped, team)

    def _make_steps(self, backend: Backend, stopped: Event, team: ThreadTeam) -> Steps:
        train = self.splits["train"]
        if backend is Backend.compiled:
            return CompiledSteps(self.cohort, train, self.metrics, team)
        if backend is Backend.cuda_graph:
            return CudaGraphSteps(self.cohort, train, self.metrics, self.dropout_rng, stopped)
        gradient = AutogradGradient if backend is Backend.autograd else ManualGradient
        return EagerSteps(self.cohort, train, self.metrics, self.dropout_rng, stopped, gradient)

    def start_epoch(self, epoch: int, done: int = 0) -> None:
        """Draw the order and restart the generators of an epoch, of which `done` steps were made before."""
        self.dropout_rng.start_epoch(epoch)
        self.steps.start_epoch(self.sampler.epoch(epoch), done)

    def train(self, step: int, count: int, lrs: Sequence[float], *, keep_gradients: bool = True) -> None:
        """Make the next updates of the epoch; see `Steps.train`."""
        self.steps.train(step, count, lrs, keep_gradients=keep_gradients)

    def scores(self, params_RP: Tensor, split: str) -> list[Scores]:
        """Scores of each run over a whole split.

        Args:
            params_RP: of all runs of the whole cohort.
            split: "train", "val" or "test".
        """
        return self.evaluator.scores(params_RP[self.rows], self.splits[split])

    def predictions(self, params_RP: Tensor, split: str, dtype: torch.dtype) -> list[tuple[Tensor, Tensor]]:
        """Predicted class and label of each sample of a split, two (n,) on the CPU for each run."""
        data = self.splits[split]
        predicted_RN = self.evaluator.predictions(params_RP[self.rows], data).to("cpu", dtype)
        targets_SN = data.targets.to("cpu", dtype)
        return [(row_N, targets_SN[run % len(targets_SN)]) for run, row_N in enumerate(predicted_RN)]

    def optimizer_state(self, row: int) -> dict[str, Tensor]:
        """The optimizer's state of one run."""
        return self.cohort.optimizer.state_dict(row)

    def state_dict(self, row: int, *, within_epoch: bool) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """State of one run's metrics and, within an epoch, of its random generators.

        Args:
            row: the run's row in this shard.
            within_epoch: whether some batches of the epoch have been used, and others not.

        Returns:
            (tensors with the names that a checkpoint gives them, plain data of the metrics)
        """
        tensors, plain = self.metrics.state_dict(row)
        named = with_prefix(METRICS, tensors)
        return (named | with_prefix(RNG, self.dropout_rng.state_dict(row)) if within_epoch else named), plain

    def load_optimizer(self, states: Sequence[ResumeState]) -> None:
        """Load the optimizer's state of each run, where there is any."""
        for row, state in enumerate(states):
            if tensors := state.section(OPTIMIZER):
                self.cohort.optimizer.load_state_dict(row, tensors)

    def load_state_dict(self, states: Sequence[ResumeState], step: int, steps_per_epoch: int) -> None:
        """Load what `state_dict` returned for each run; all runs must be at the same step.

        Args:
            states: one a run.
            step: updates done.
            steps_per_epoch: updates in an epoch.
        """
        self.cohort.optimizer.steps = step
        metrics = [(state.section(METRICS), state.progress["running"]) for state in states]
        self.metrics.load_state_dict(metrics, like=self.cohort.params_RP)
        if step % steps_per_epoch != 0:
            self.start_epoch(*divmod(step, steps_per_epoch))
            self.dropout_rng.load_state_dict([state.section(RNG) for state in states])


def make_shards(
    cohort: Cohort, splits: Splits, batch_size: int, backend: Backend
) -> tuple[Workers, list[Shard]]:
    """Split a cohort into shards; returns the threads that they train on as well."""
    splits = {name: prepare_data(cohort, backend, data) for name, data in splits.items()}
    plan = plan_of(
        cohort, batch_size, compiled=backend is Backend.compiled, sparse=splits["train"].is_all_sparse
    )
    workers = Workers(plan)
    cohorts = [cohort] if len(plan.rows) == 1 else [cohort.view(rows) for rows in plan.rows]
    shards = [
        Shard(
            shard_cohort,
            {name: data.rows(rows) for name, data in splits.items()},
            rows,
            workers.stopped,
            backend,
            ThreadTeam(plan.team),
        )
        for shard_cohort, rows in zip(cohorts, plan.rows, strict=True)
    ]
    return workers, shards
