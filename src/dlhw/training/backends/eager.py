"""Training steps by torch operations, one by one: the layers' own backward passes, or autograd."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from itertools import islice
from threading import Event

import torch
from torch import Tensor

from dlhw.nn.layer import Context, Uniform, Workspace
from dlhw.optim.optimizers import column
from dlhw.training.batches import Batch, DeviceDataset, DropoutRNG
from dlhw.training.cohort import Cohort
from dlhw.training.metrics import TrainMetrics


class BatchGradient(ABC):
    """Writes the gradient of each run's mean loss into the cohort's gradients.

    Args:
        cohort: whose parameters and gradients.
        uniform: random numbers for dropout.
    """

    reuse_buffers: bool

    def __init__(self, cohort: Cohort, uniform: Uniform) -> None:
        self.cohort = cohort
        self.context = Context(training=True, workspace=Workspace(reuse=self.reuse_buffers), uniform=uniform)

    @abstractmethod
    def compute(self, x: Tensor, targets: Tensor) -> Tensor:
        """Compute all gradients (without penalty); return the outputs (R, N, K), detached."""


class ManualGradient(BatchGradient):
    """The backward passes of dlhw, which write into buffers that are allocated once."""

    reuse_buffers = True

    def compute(self, x: Tensor, targets: Tensor) -> Tensor:
        cohort = self.cohort
        with torch.no_grad():
            out_RNK, caches = cohort.model.forward(cohort.params, x, self.context)
            dout_RNK = cohort.loss.backward(out_RNK, targets)
            cohort.model.backward(cohort.params, dout_RNK, caches, cohort.grads, self.context)
        return out_RNK


class AutogradGradient(BatchGradient):
    """torch's autograd on the same forward pass."""

    reuse_buffers = False

    def compute(self, x: Tensor, targets: Tensor) -> Tensor:
        cohort = self.cohort
        leaves = {
            layer: {name: view.detach().requires_grad_() for name, view in views.items()}
            for layer, views in cohort.params.items()
        }
        with torch.enable_grad():
            out_RNK, _ = cohort.model.forward(leaves, x, self.context)
            # runs do not mix, so the gradient of the sum holds the gradient of each run's loss
            total = cohort.loss.forward(out_RNK, targets).sum()
        inputs = [leaf for views in leaves.values() for leaf in views.values()]
        slots = [slot for views in cohort.grads.values() for slot in views.values()]
        for slot, grad in zip(slots, torch.autograd.grad(total, inputs), strict=True):
            slot.copy_(grad)
        return out_RNK.detach()


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
            lrs: learning rate of each run; 0 keeps the parameters of a run that has ended.
            keep_gradients: whether the last step's gradient is read afterwards.
        """


class EagerSteps(Steps):
    """Step by step: batch, gradient, penalty, update, each for all runs at once.

    Args:
        cohort: the runs.
        train: their training samples.
        metrics: receives the outputs of every step.
        dropout_rng: numbers for dropout.
        stopped: set when training is to end before the next step.
        gradient: how gradients are computed.
    """

    def __init__(
        self,
        cohort: Cohort,
        train: DeviceDataset,
        metrics: TrainMetrics,
        dropout_rng: DropoutRNG,
        stopped: Event,
        gradient: type[BatchGradient] = ManualGradient,
    ) -> None:
        self.cohort, self.data, self.metrics, self.stopped = cohort, train, metrics, stopped
        self.gradient = gradient(cohort, dropout_rng)
        self._batches: Iterator[Batch] = iter(())
        self._diverged_R = torch.zeros(cohort.num_runs, dtype=torch.long, device=cohort.device)
        self._number = torch.zeros((), dtype=torch.long, device=cohort.device)

    def start_epoch(self, order: Tensor | None, done: int) -> None:
        trainer = self.cohort.config.trainer
        batches = self.data.batches(
            order,
            trainer.batch_size or self.data.num_samples,
            drop_last=trainer.drop_last,
            work=self.gradient.context.workspace,
        )
        self._batches = islice(batches, done, None)

    def train(self, step: int, count: int, lrs: Sequence[float], *, keep_gradients: bool) -> None:
        lr_R1 = self._rates(lrs)
        # step at which a run's loss or gradient was first not finite; 0 for none
        self._diverged_R.copy_(torch.tensor([at or 0 for at in self.metrics.diverged_at]))
        self._number.fill_(step)
        for number, (x, targets) in enumerate(islice(self._batches, count), start=step + 1):
            if self.stopped.is_set():
                return
            self.metrics.add(number, self._step(x, targets, lr_R1), targets)
        self.metrics.record_diverged([at or None for at in self._diverged_R.tolist()])

    def _rates(self, lrs: Sequence[float]) -> Tensor:
        return column(lrs, self.cohort.params_RP)

    def _step(self, x: Tensor, targets: Tensor, lr_R1: Tensor) -> Tensor:
        """Make one update; return the outputs before it."""
        cohort = self.cohort
        self._number += 1
        out_RNK = self.gradient.compute(x, targets)
        cohort.regularizer.add_gradient(cohort.params_RP, cohort.grads_RP)
        finite_R = cohort.loss.is_finite(out_RNK, targets) & cohort.grads_RP.sum(1).isfinite()
        cohort.optimizer.step(cohort.grads_RP, self._rates_of_finite(finite_R, lr_R1))
        return out_RNK

    def _rates_of_finite(self, finite_R: Tensor, lr_R1: Tensor) -> Tensor:
        """Learning rates with 0 for runs that are or were not finite, whose gradients become 0 as well.

        The host looks at the values only where that costs nothing; elsewhere the device does all of it at
        every step.
        """
        training_R = finite_R & (self._diverged_R == 0)
        if finite_R.device.type == "cpu" and bool(training_R.all()):
            return lr_R1
        diverges_R = ~training_R & (self._diverged_R == 0)
        self._diverged_R.copy_(torch.where(diverges_R, self._number, self._diverged_R))
        self.cohort.grads_RP.masked_fill_(~training_R.unsqueeze(1), 0)
        return lr_R1 * training_R.unsqueeze(1)
