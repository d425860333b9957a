"""The learning-rate sweep of the homework as one would write it with Lightning: a script that fits four runs.

`python -m benchmarks.peers.lightning_sweep --epochs 10 --lrs 1 0.1` prints the test accuracy of each learning
rate and the seconds of all fits as JSON. Loaders of torchvision's MNIST, validation after every epoch, a CSV
logger, the best checkpoint kept, a test at the end: what `dlhw-train` leaves, or less.
"""

import argparse
import json
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger
from torch import Tensor, nn
from torch.utils.data import DataLoader, Subset
from torchvision.datasets import MNIST
from torchvision.transforms import ToTensor

from benchmarks.peers.lightning_trainer import Network, silence
from benchmarks.problem import NUM_IMAGES, mnist_folder

INIT_STD, BATCH, EVAL_BATCH = 0.001, 64, 256


class Classifier(Network):
    """The network with its metrics."""

    def training_step(self, batch: tuple[Tensor, Tensor], number: int) -> Tensor:
        """Loss of a batch."""
        return self._measured("train", batch)

    def validation_step(self, batch: tuple[Tensor, Tensor], number: int) -> None:
        """Scores of a batch."""
        self._measured("val", batch)

    def test_step(self, batch: tuple[Tensor, Tensor], number: int) -> None:
        """Scores of a batch."""
        self._measured("test", batch)

    def _measured(self, split: str, batch: tuple[Tensor, Tensor]) -> Tensor:
        x, labels = batch
        logits = self.module(x)
        loss: Tensor = self.loss(logits, labels)
        accuracy = (logits.argmax(1) == labels).float().mean()
        scores = {f"{split}/loss": loss, f"{split}/accuracy": accuracy}
        self.log_dict(scores, on_step=False, on_epoch=True, batch_size=len(labels))
        return loss


def network() -> nn.Sequential:
    """784-128-10 with sigmoid, small normal weights, no biases at first."""
    module = nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.Sigmoid(), nn.Linear(128, 10))
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=INIT_STD) if parameter.ndim == 2 else nn.init.zeros_(parameter)
    return module


def loaders(images: int) -> tuple[DataLoader, DataLoader, DataLoader]:
    """Loaders of the training, validation and test split."""
    root, scale = str(mnist_folder()), ToTensor()
    pool, test = (MNIST(root, train=train, transform=scale) for train in (True, False))
    train = Subset(pool, range(images))
    val = Subset(pool, range(NUM_IMAGES, len(pool)))
    return (
        DataLoader(train, BATCH, shuffle=True),
        DataLoader(val, EVAL_BATCH),
        DataLoader(test, EVAL_BATCH),
    )


def fit(lr: float, epochs: int, images: int, folder: Path) -> tuple[float, float]:
    """Test accuracy after the last epoch, and seconds of the fit."""
    L.seed_everything(0, verbose=False)
    train, val, test = loaders(images)
    best = ModelCheckpoint(dirpath=folder / f"lr={lr:g}", monitor="val/accuracy", mode="max")
    options: dict[str, Any] = {"enable_progress_bar": False, "enable_model_summary": False}
    trainer = L.Trainer(
        max_epochs=epochs, accelerator="cpu", logger=CSVLogger(folder), callbacks=[best], **options
    )
    classifier = Classifier(network(), lr)
    start = perf_counter()
    trainer.fit(classifier, train, val)
    seconds = perf_counter() - start
    (scores,) = trainer.test(classifier, test, verbose=False)
    return float(scores["test/accuracy"]), seconds


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--lrs", type=float, nargs="+", required=True)
    parser.add_argument("--images", type=int, default=NUM_IMAGES, help="of the training split")
    args = parser.parse_args()
    silence()
    with tempfile.TemporaryDirectory() as name, torch.inference_mode(False):
        results = {lr: fit(lr, args.epochs, args.images, Path(name)) for lr in args.lrs}
    print(json.dumps({
        "accuracies": [accuracy for accuracy, _ in results.values()],
        "fit_seconds": sum(seconds for _, seconds in results.values()),
    }))  # fmt: skip


if __name__ == "__main__":
    main()
