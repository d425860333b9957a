"""Train tiny real runs, alone or together, and inspect the results."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from dlhw.config.data import Normalize
from dlhw.config.root import TrainConfig
from dlhw.data.dataset import Dataset, Split, load_dataset
from dlhw.data.normalize import Normalization
from dlhw.hydra_support.compose import compose
from dlhw.sections import under
from dlhw.status import Status
from dlhw.training.callbacks import Callback
from dlhw.training.device import DTYPES
from dlhw.training.events import Evaluation, RunInfo, RunResult, Snapshot
from dlhw.training.fit import fit

SMALL = [
    "data.limit=260", "data.split.val=30", "data.split.test=30", "trainer.batch_size=16", "trainer.epochs=4",
    "trainer.dtype=float64", "trainer.device=cpu", "trainer.matmul=highest",
]  # fmt: skip


class Listener(Callback):
    """A tracker that keeps everything it hears."""

    def __init__(self) -> None:
        self.info: RunInfo | None = None
        self.first: dict[str, Tensor] = {}
        self.evaluations: list[Evaluation] = []
        self.parameters: list[dict[str, Tensor]] = []
        self.norms: list[Mapping[tuple[str, str], float]] = []
        self.progress: list[dict[str, Any]] = []
        self.optimizer: dict[str, Tensor] = {}
        self.checkpoints: list[int] = []
        self.results: list[RunResult] = []
        self.aborted: tuple[Status, str] | None = None

    def on_start(self, info: RunInfo, snapshot: Snapshot) -> None:
        self.info, self.first = info, snapshot.parameters()

    def on_evaluation(self, evaluation: Evaluation, snapshot: Snapshot) -> None:
        self.evaluations.append(evaluation)
        self.parameters.append(snapshot.parameters())
        self.norms.append(snapshot.norms())
        self.progress.append(snapshot.progress())

    def on_checkpoint(self, snapshot: Snapshot) -> None:
        self.checkpoints.append(int(snapshot.progress()["step"]))

    def on_end(self, result: RunResult, snapshot: Snapshot) -> None:
        self.results.append(result)
        self.optimizer = under("optimizer", snapshot.model_state())

    def on_abort(self, status: Status, message: str) -> None:
        self.aborted = (status, message)

    @property
    def result(self) -> RunResult:
        return self.results[-1]

    @property
    def last(self) -> dict[str, Tensor]:
        return self.parameters[-1]


def train_together(
    configs: Sequence[TrainConfig], datasets: Sequence[Dataset] | None = None
) -> list[Listener]:
    """Train configs as one cohort."""
    if datasets is None:
        datasets = [load_dataset(c.data, c.data_seed(), DTYPES[c.trainer.dtype]) for c in configs]
    listeners = [Listener() for _ in configs]
    fit(configs, datasets, lambda run, config: [listeners[run]])
    return listeners


def small(*overrides: str) -> TrainConfig:
    """A config on 200 digits, in float64, that trains in a moment."""
    return compose([*SMALL, *overrides])


def table(num_classes: int | None = None, **splits: tuple[Tensor, Tensor]) -> Dataset:
    """A data set with the given splits: name -> (inputs, targets)."""
    by_name = {name: Split(inputs, targets) for name, (inputs, targets) in splits.items()}
    shape = tuple(by_name["train"].inputs.shape[1:])
    names = [str(label) for label in range(num_classes or 0)]
    nothing = Normalization(Normalize.none, torch.zeros(()), torch.ones(()))
    return Dataset(by_name, shape, names, num_classes, None if num_classes else 1, nothing, {})


def regression(seed: int = 0, samples: int = 200, features: int = 6) -> Dataset:
    """A noisy linear teacher with train, val and test splits."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(samples, features, generator=generator, dtype=torch.float64)
    teacher = torch.randn(features, 1, generator=generator, dtype=torch.float64)
    y = x @ teacher + 0.1 * torch.randn(samples, 1, generator=generator, dtype=torch.float64)
    cut = samples - 40
    return table(train=(x[:cut], y[:cut]), val=(x[cut:-20], y[cut:-20]), test=(x[-20:], y[-20:]))


def largest_difference(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> float:
    """Over all parameters."""
    assert one.keys() == other.keys()
    return max(float((one[name] - other[name]).abs().max()) for name in one)
