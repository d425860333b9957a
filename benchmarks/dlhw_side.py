"""dlhw's side of a comparison."""

from collections.abc import Sequence

import torch

from benchmarks.problem import Problem, Weights
from dlhw.training.backends.select import resolve_matmul, select_backend
from dlhw.training.backends.shard import make_shards
from dlhw.training.batches import DeviceDataset
from dlhw.training.fit import prepare

NAME = "dlhw"
# dlhw's other backends, which compute the same numbers
EAGER, AUTOGRAD = "dlhw backend=eager", "dlhw backend=autograd"
OTHER_BACKENDS = {EAGER: ["trainer.backend=eager"], AUTOGRAD: ["trainer.backend=autograd"]}


class DlhwSide:
    """Trains a cohort as the trainer does between two evaluations, with everything but the evaluations.

    Args:
        problem: one run for each of its learning rates.
        overrides: overrides of the config, such as another backend.
    """

    def __init__(self, problem: Problem, overrides: Sequence[str] = ()) -> None:
        configs = problem.configs(*overrides)
        self.problem = problem
        self.cohort = prepare(configs, [problem.dataset])
        train = DeviceDataset.of([problem.dataset.splits["train"]], self.cohort.device)
        self.backend = select_backend(self.cohort)
        batch_size = configs[0].trainer.batch_size or train.num_samples
        self.workers, self.shards = make_shards(self.cohort, {"train": train}, batch_size, self.backend)

    def train(self, epoch: int) -> None:
        """The updates of a round."""
        steps, lrs, workers = self.problem.steps, list(self.problem.lrs), self.workers
        with workers:
            workers.map(lambda shard: shard.start_epoch(epoch), self.shards)
            workers.map(lambda shard: shard.train(epoch * steps, steps, lrs[shard.rows]), self.shards)
            if self.cohort.device.type == "cuda":
                torch.cuda.synchronize()

    def weights(self) -> list[Weights]:
        """Copies of each run's parameters."""
        runs = range(self.cohort.num_runs)
        return [self.cohort.layout.of_run(self.cohort.params_RP, run) for run in runs]

    def matmul(self) -> str:
        """The setting that `trainer.matmul=auto` resolves to."""
        return resolve_matmul(self.cohort, self.backend)
