"""Lightning: its Trainer around the same module and the same DataLoader."""

import logging
import warnings
from collections.abc import Sequence
from typing import Any

import lightning as L
import torch
from torch import Tensor, nn

from benchmarks.peers.loader import mnist_loader
from benchmarks.peers.modules import module_of, optimizer_of, weights_of
from benchmarks.problem import Problem, Weights

QUIET: dict[str, Any] = {
    "accelerator": "cpu", "logger": False, "enable_checkpointing": False, "enable_progress_bar": False,
    "enable_model_summary": False,
}  # fmt: skip


def silence() -> None:
    """Suppress Lightning's advice on workers and its reports of devices at every fit."""
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="lightning")


class Network(L.LightningModule):
    """The module with its training step."""

    def __init__(self, module: nn.Module, lr: float) -> None:
        super().__init__()
        self.module, self.lr, self.loss = module, lr, nn.CrossEntropyLoss()

    def training_step(self, batch: tuple[Tensor, Tensor], number: int) -> Tensor:
        """Loss of a batch."""
        x, labels = batch
        loss: Tensor = self.loss(self.module(x), labels)
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """The same SGD as plain PyTorch's."""
        return optimizer_of(self.module, self.lr)


class Lightning:
    """A fit of one epoch per round, without the usual logger, checkpoints and progress bar."""

    def __init__(self, problem: Problem, weights: Sequence[Weights]) -> None:
        (only,) = weights
        silence()
        self.names, self.batches = only, mnist_loader(problem)
        self.network = Network(module_of(problem, only), problem.lrs[0])

    def train(self, epoch: int) -> None:
        """The updates of a round."""
        L.Trainer(max_epochs=1, **QUIET).fit(self.network, self.batches)

    def weights(self) -> list[Weights]:
        """The only run's parameters."""
        return [weights_of(self.network, self.names)]
