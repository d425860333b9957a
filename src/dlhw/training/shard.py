"""Runs of a cohort that step together."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from threading import Event

from torch import Tensor

from dlhw.optim.optimizers import column
from dlhw.training.cohort import Cohort
from dlhw.training.engines import ENGINES
from dlhw.training.events import Scores
from dlhw.training.pool import Batch, Pool
from dlhw.training.scoring import Evaluator, RunningScores
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
    """

    def __init__(self, cohort: Cohort, pools: Pools, rows: slice, stopped: Event) -> None:
        self.cohort, self.pools, self.rows, self.stopped = cohort, pools, rows, stopped
        self.trainer = cohort.config.trainer
        seeds = [config.seed for config in cohort.configs]
        num_samples = pools["train"].num_samples
        self.batch_size = self.trainer.batch_size or num_samples
        self.order = OrderStream(seeds, num_samples, self.batch_size, self.trainer.resolved_sampling())
        self.uniform = UniformStream(seeds, cohort.dtype)
        self.engine = ENGINES[self.trainer.engine](cohort, self.uniform)
        self.evaluator = Evaluator(cohort.model, cohort.loss)
        self.running = RunningScores(cohort.loss, cohort.num_runs)
        self._batches: Iterator[Batch] = iter(())

    def start_epoch(self, epoch: int) -> None:
        """Draw the order and restart the streams of an epoch."""
        self.uniform.epoch(epoch)
        self._batches = self.pools["train"].batches(
            self.order.epoch(epoch),
            self.batch_size,
            drop_last=self.trainer.drop_last,
            work=self.engine.context.workspace,
        )

    def train(self, step: int, count: int, lrs: Sequence[float]) -> None:
        """Make the next updates of the epoch.

        Args:
            step: updates made before.
            count: updates to make.
            lrs: learning rate of each run; a run that has ended keeps its parameters by a rate of 0.
        """
        cohort, lr_R1 = self.cohort, column(lrs, self.cohort.params_RP)
        for number, (x, targets) in enumerate(islice(self._batches, count), start=step + 1):
            if self.stopped.is_set():
                return
            out_RNK = self.engine.gradients(x, targets)
            self.running.add(number, out_RNK, targets)
            cohort.regularizer.add_gradient(cohort.params_RP, cohort.grads_RP)
            cohort.optimizer.step(cohort.grads_RP, lr_R1)

    def scores(self, params_RP: Tensor, part: str) -> list[Scores]:
        """Scores of each run over a whole part.

        Args:
            params_RP: of all runs of the whole cohort.
            part: of the data.
        """
        views = self.cohort.layout.views(params_RP[self.rows])
        return self.evaluator.scores(views, self.pools[part], self.cohort.num_runs)

    def confusion(self, params_RP: Tensor, part: str, num_classes: int) -> Tensor:
        """Counts (R, K, K) of each run: true class by row, predicted class by column."""
        views = self.cohort.layout.views(params_RP[self.rows])
        return self.evaluator.confusion(views, self.pools[part], self.cohort.num_runs, num_classes)
