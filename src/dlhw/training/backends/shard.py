"""Runs of a cohort that step together."""

from collections.abc import Mapping, Sequence
from threading import Event

import torch
from torch import Tensor

from dlhw.config.trainer import Kernels
from dlhw.kernels.team import ThreadTeam
from dlhw.training.backends.compiled import CompiledSteps, make_evaluator, prepare_data
from dlhw.training.backends.cuda_graph import CudaGraphSteps
from dlhw.training.backends.workers import Workers
from dlhw.training.cohort import Cohort
from dlhw.training.events import Scores
from dlhw.training.planning import plan_of
from dlhw.training.pool import Pool
from dlhw.training.scoring import RunningScores
from dlhw.training.steps import Steps, TorchSteps
from dlhw.training.streams import OrderStream, UniformStream

Pools = Mapping[str, Pool]


class Shard:
    """Consecutive runs of a cohort, with buffers, random streams and running scores of their own.

    Shards share nothing that is written, so each may train on a thread of its own.

    Args:
        cohort: the runs.
        pools: their samples.
        rows: where they stand in the whole cohort.
        stopped: set when training is to end before the next step.
        kernels: what makes its steps.
        team: threads that make compiled steps together.
    """

    def __init__(
        self, cohort: Cohort, pools: Pools, rows: slice, stopped: Event, kernels: Kernels, team: ThreadTeam
    ) -> None:
        self.cohort, self.pools, self.rows = cohort, pools, rows
        trainer, train = cohort.config.trainer, pools["train"]
        seeds = [config.seed for config in cohort.configs]
        batch_size = trainer.batch_size or train.num_samples
        self.order = OrderStream(seeds, train.num_samples, batch_size, trainer.resolved_sampling())
        self.uniform = UniformStream(seeds, cohort.dtype)
        self.evaluator = make_evaluator(cohort, kernels, team)
        self.running = RunningScores(cohort.loss, cohort.num_runs, cohort.device)
        self.steps = self._steps(train, kernels, stopped, team)

    def _steps(self, train: Pool, kernels: Kernels, stopped: Event, team: ThreadTeam) -> Steps:
        if kernels is Kernels.compiled:
            return CompiledSteps(self.cohort, train, self.running, team)
        by_torch = CudaGraphSteps if kernels is Kernels.captured else TorchSteps
        return by_torch(self.cohort, train, self.running, self.uniform, stopped)

    def start_epoch(self, epoch: int, done: int = 0) -> None:
        """Draw the order and restart the streams of an epoch, of which `done` steps have been made before."""
        self.uniform.epoch(epoch)
        self.steps.start_epoch(self.order.epoch(epoch), done)

    def train(self, step: int, count: int, lrs: Sequence[float], *, keep_gradients: bool = True) -> None:
        """Make the next updates of the epoch; see `Steps.train`."""
        self.steps.train(step, count, lrs, keep_gradients=keep_gradients)

    def scores(self, params_RP: Tensor, part: str) -> list[Scores]:
        """Scores of each run over a whole part.

        Args:
            params_RP: of all runs of the whole cohort.
            part: of the data.
        """
        return self.evaluator.scores(params_RP[self.rows], self.pools[part])

    def predictions(self, params_RP: Tensor, split: str, dtype: torch.dtype) -> list[tuple[Tensor, Tensor]]:
        """Predicted class and label of each sample of a split, two (n,) on the CPU for each run."""
        pool = self.pools[split]
        predicted_RN = self.evaluator.predictions(params_RP[self.rows], pool).to("cpu", dtype)
        targets_SN = pool.targets.to("cpu", dtype)
        return [(row_N, targets_SN[run % len(targets_SN)]) for run, row_N in enumerate(predicted_RN)]


def spread(cohort: Cohort, pools: Pools, batch_size: int, kernels: Kernels) -> tuple[Workers, list[Shard]]:
    """Shards of a cohort, and the threads that they train on."""
    is_compiled = kernels is Kernels.compiled
    pools = {name: prepare_data(cohort, kernels, pool) for name, pool in pools.items()}
    listed = pools["train"].listed
    all_listed = listed is not None and listed.is_whole
    plan = plan_of(cohort, batch_size, compiled=is_compiled, listed=all_listed)
    workers = Workers(plan)
    parts = [cohort] if len(plan.rows) == 1 else [cohort.part(rows) for rows in plan.rows]
    shards = [
        Shard(
            part,
            {name: pool.rows(rows) for name, pool in pools.items()},
            rows,
            workers.stopped,
            kernels,
            ThreadTeam(plan.team),
        )
        for part, rows in zip(parts, plan.rows, strict=True)
    ]
    return workers, shards
