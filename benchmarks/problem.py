"""The work that all sides do: data, network, recipe, initial weights and batches.

784-128-10 with sigmoid, or a convolution of 32 filters 3x3 with ReLU and an affine layer; softmax
cross-entropy, SGD, L2 in the half convention on weights. 48,000 images of MNIST if it is available,
else random numbers of its shape: the arithmetic is the same.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from dlhw.config.optimizer import SGDConfig
from dlhw.config.root import TrainConfig
from dlhw.data.dataset import Dataset, Split, load_dataset
from dlhw.hydra_support.compose import compose
from dlhw.random import generator

SEED, ALPHA, LR = 0, 1e-3, 0.1
NUM_IMAGES, SIDE, NUM_CLASSES = 48_000, 28, 10
CHECKED_IMAGES = 2_000
MODELS = {
    "mlp": ["model=mlp", "model.activation=sigmoid"],
    "cnn": ["model=cnn", "model.filters=[32]", "model.kernel=3", "model.pooling=none"],
}

Weights = dict[str, Tensor]


def mnist_folder() -> Path | None:
    """The folder that contains MNIST/raw, as in torchvision: DLHW_DATA_DIR or data/; None if neither does."""
    root = Path(os.environ.get("DLHW_DATA_DIR", "data")).resolve()
    return root if (root / "MNIST" / "raw").is_dir() else None


def load_images() -> tuple[str, Dataset]:
    """Name of the training data, and the data."""
    if mnist_folder() is not None:
        mnist = compose(["data=mnist", "data.download=false"])
        return "MNIST", load_dataset(mnist.data, mnist.data_seed())
    return "random images", random_images(NUM_IMAGES)


def random_images(count: int) -> Dataset:
    """Uniform pixels and labels, in the shape of MNIST."""
    digits = load_dataset(compose(["data=digits"]).data, SEED)
    drawn = torch.Generator().manual_seed(SEED)
    train = Split(
        torch.rand(count, 1, SIDE, SIDE, generator=drawn),
        torch.randint(NUM_CLASSES, (count,), generator=drawn),
    )
    return replace(digits, splits={"train": train}, input_shape=(1, SIDE, SIDE))


def noisy(dataset: Dataset) -> Dataset:
    """The same images with noise of 0 to 0.1 on every pixel, so that no side can skip any."""
    train = dataset.splits["train"]
    noise = torch.rand(train.inputs.shape, generator=torch.Generator().manual_seed(SEED))
    return replace(dataset, splits={"train": Split(train.inputs + 0.1 * noise, train.targets)})


@dataclass(frozen=True)
class Problem:
    """The problem that each side solves.

    Args:
        model: "mlp" or "cnn".
        dataset: whose training split is used.
        batch_size: B.
        steps: updates of a round, from the start of an epoch.
        lrs: learning rate of each run.
        width: hidden units of the MLP.
        device: "cpu" or "cuda".
    """

    model: str
    dataset: Dataset
    batch_size: int
    steps: int
    lrs: Sequence[float] = (LR,)
    width: int = 128
    device: str = "cpu"

    @property
    def inputs(self) -> Tensor:
        """(n, 1, H, W)."""
        return self.dataset.splits["train"].inputs

    @property
    def labels(self) -> Tensor:
        """(n,)."""
        return self.dataset.splits["train"].targets

    def order(self, epoch: int) -> Tensor:
        """Samples of the steps of an epoch, (steps * B,), in the order that dlhw draws."""
        stream = generator(SEED, "order", epoch)
        return torch.randperm(len(self.labels), generator=stream)[: self.steps * self.batch_size]

    def configs(self, *more: str) -> list[TrainConfig]:
        """dlhw's config of each run."""
        hidden = [f"model.hidden=[{self.width}]"] if self.model == "mlp" else []
        overrides = [
            *MODELS[self.model], *hidden, "regularizer=l2", f"regularizer.alpha={ALPHA}", f"seed={SEED}",
            f"trainer.batch_size={self.batch_size}", f"trainer.device={self.device}", *more,
        ]  # fmt: skip
        config = compose(["data=mnist", *overrides])
        assert isinstance(config.optimizer, SGDConfig)
        return [replace(config, optimizer=replace(config.optimizer, lr=lr)) for lr in self.lrs]

    def product_flops(self) -> int:
        """Floating-point operations of one run's matrix products in a step of the MLP.

        Forward and weight gradients 2 B I O for each layer, and the gradient of the hidden units.
        """
        fan_in, last = self.inputs[0].numel(), self.width * NUM_CLASSES
        return 2 * self.batch_size * (2 * (fan_in * self.width + last) + last)


def spread(count: int) -> list[float]:
    """Learning rates of a cohort, from 0.01 to 0.1 in equal ratios."""
    return [0.1 ** (2 - place / (count - 1)) for place in range(count)] if count > 1 else [LR]


def loss_of(problem: Problem, weights: Weights) -> float:
    """Mean cross-entropy (without penalty) of some parameters on the first training images, in float64.

    One function for the parameters of all sides: no side evaluates itself.

    Args:
        weights: by dlhw's names; those of affine layers are (in, out).
    """
    params = {name: value.double() for name, value in weights.items()}
    x = problem.inputs[:CHECKED_IMAGES].double()
    if problem.model == "cnn":
        h = torch.relu(F.conv2d(x, params["conv1.weight"], params["conv1.bias"], padding=1)).flatten(1)
        logits = h @ params["fc.weight"] + params["fc.bias"]
    else:
        h = torch.sigmoid(x.flatten(1) @ params["fc1.weight"] + params["fc1.bias"])
        logits = h @ params["fc2.weight"] + params["fc2.bias"]
    return float(F.cross_entropy(logits, problem.labels[:CHECKED_IMAGES]))
