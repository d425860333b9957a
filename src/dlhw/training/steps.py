"""Making the updates of a shard: by torch operations, or by compiled loops that compute the same."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from itertools import islice
from threading import Event

import torch
from torch import Tensor

from dlhw.optim.optimizers import column
from dlhw.training.cohort import Cohort
from dlhw.training.engines import ENGINES, Engine
from dlhw.training.pool import Batch, Pool
from dlhw.training.scoring import RunningScores
from dlhw.training.streams import UniformStream


class Steps(ABC):
    """Updates of the runs of a shard; no update is made from a loss or gradient that is not finite."""

    @abstractmethod
    def start_epoch(self, order: Tensor | None, done: int) -> None:
        """Take the order of an epoch, of which `done` steps have been made before."""

    @abstractmethod
    def train(self, step: int, count: int, lrs: Sequence[float], *, keep_gradients: bool) -> None:
        """Make the next updates of the epoch.

        Args:
            step: updates made before, in all epochs.
            count: updates to make.
            lrs: learning rate of each run; a run that has ended keeps its parameters by a rate of 0.
            keep_gradients: whether the last step's gradient may be looked at.
        """


class TorchSteps(Steps):
    """Step by step: batch, engine, penalty, update, each for all runs at once.

    Args:
        cohort: the runs.
        pool: their training samples.
        running: told the outputs of every step.
        uniform: numbers for dropout.
        stopped: set when training is to end before the next step.
    """

    def __init__(
        self, cohort: Cohort, pool: Pool, running: RunningScores, uniform: UniformStream, stopped: Event
    ) -> None:
        self.cohort, self.pool, self.running, self.stopped = cohort, pool, running, stopped
        self.engine: Engine = ENGINES[cohort.config.trainer.engine](cohort, uniform)
        self._batches: Iterator[Batch] = iter(())
        self._ended_R = torch.zeros(cohort.num_runs, dtype=torch.long, device=cohort.device)
        self._number = torch.zeros((), dtype=torch.long, device=cohort.device)

    def start_epoch(self, order: Tensor | None, done: int) -> None:
        trainer = self.cohort.config.trainer
        batches = self.pool.batches(
            order,
            trainer.batch_size or self.pool.num_samples,
            drop_last=trainer.drop_last,
            work=self.engine.context.workspace,
        )
        self._batches = islice(batches, done, None)

    def train(self, step: int, count: int, lrs: Sequence[float], *, keep_gradients: bool) -> None:
        lr_R1 = self._rates(lrs)
        # step at which a run's loss or gradient was first not finite; 0 for none
        self._ended_R.copy_(torch.tensor([at or 0 for at in self.running.diverged_at]))
        self._number.fill_(step)
        for number, (x, targets) in enumerate(islice(self._batches, count), start=step + 1):
            if self.stopped.is_set():
                return
            self.running.add(number, self._step(x, targets, lr_R1), targets)
        self.running.find_ended([end or None for end in self._ended_R.tolist()])

    def _rates(self, lrs: Sequence[float]) -> Tensor:
        return column(lrs, self.cohort.params_RP)

    def _step(self, x: Tensor, targets: Tensor, lr_R1: Tensor) -> Tensor:
        """Make one update; return the outputs before it."""
        cohort = self.cohort
        self._number += 1
        out_RNK = self.engine.gradients(x, targets)
        cohort.regularizer.add_gradient(cohort.params_RP, cohort.grads_RP)
        finite_R = cohort.loss.is_finite(out_RNK, targets) & cohort.grads_RP.sum(1).isfinite()
        cohort.optimizer.step(cohort.grads_RP, self._rates_of_finite(finite_R, lr_R1))
        return out_RNK

    def _rates_of_finite(self, finite_R: Tensor, lr_R1: Tensor) -> Tensor:
        """Learning rates with 0 for runs that are or were not finite, whose gradients become 0 as well.

        The host looks only where that costs nothing; elsewhere the device does all of it at every step.
        """
        training_R = finite_R & (self._ended_R == 0)
        if finite_R.device.type == "cpu" and bool(training_R.all()):
            return lr_R1
        ends_R = ~training_R & (self._ended_R == 0)
        self._ended_R.copy_(torch.where(ends_R, self._number, self._ended_R))
        self.cohort.grads_RP.masked_fill_(~training_R.unsqueeze(1), 0)
        return lr_R1 * training_R.unsqueeze(1)
