"""Training steps on a CUDA device: one captured step is replayed."""

from collections.abc import Sequence
from threading import Event

import torch
from torch import Tensor

from dlhw.optim.optimizers import column
from dlhw.training.backends.eager import EagerSteps
from dlhw.training.batches import DeviceDataset, DropoutRNG
from dlhw.training.cohort import Cohort
from dlhw.training.metrics import TrainMetrics

# Steps made before one is captured: libraries choose algorithms and allocate in the first ones.
WARM_UP = 3


class CudaGraphSteps(EagerSteps):
    """A step is a CUDA graph: gradient, penalty, check and update are launched by one call.

    A graph reads and writes the memory that it was captured with. So a batch is copied to where the first one
    lay, and learning rates and the number of the step are tensors. Batches of another size (the last of an
    epoch) and the first steps are made as `EagerSteps` makes them.

    Args:
        cohort: the runs.
        train: their training samples.
        metrics: receives the outputs of every step.
        dropout_rng: numbers for dropout, which no captured model uses.
        stopped: set when training is to end before the next step.
    """

    def __init__(
        self,
        cohort: Cohort,
        train: DeviceDataset,
        metrics: TrainMetrics,
        dropout_rng: DropoutRNG,
        stopped: Event,
    ) -> None:
        super().__init__(cohort, train, metrics, dropout_rng, stopped)
        self._graph: torch.cuda.CUDAGraph | None = None
        self._made = 0
        self._lr_R1 = column([0.0] * cohort.num_runs, cohort.params_RP)

    def _rates(self, lrs: Sequence[float]) -> Tensor:
        return self._lr_R1.copy_(column(lrs, self.cohort.params_RP))

    def _step(self, x: Tensor, targets: Tensor, lr_R1: Tensor) -> Tensor:
        full = self.cohort.config.trainer.batch_size or self.data.num_samples
        self._made += 1
        if x.shape[1] != full or self._made <= WARM_UP:
            return super()._step(x, targets, lr_R1)
        if self._graph is None:
            self._capture(x, targets)
        assert self._graph is not None
        self._x.copy_(x)
        self._targets.copy_(targets)
        self._graph.replay()
        return self._out_RNK

    def _capture(self, x: Tensor, targets: Tensor) -> None:
        """Record a step without running it."""
        self._x, self._targets = x.clone(), targets.clone()
        torch.cuda.synchronize(self.cohort.device)
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            self._out_RNK = super()._step(self._x, self._targets, self._lr_R1)
