"""What the tutorials show: a module, and torchvision's MNIST behind a DataLoader."""

from collections.abc import Iterator, Sequence

from torch import nn
from torch.utils.data import DataLoader, Sampler
from torchvision.datasets import MNIST
from torchvision.transforms import ToTensor

from benchmarks.peers.modules import module_of, optimizer_of, weights_of
from benchmarks.problem import Problem, Weights, mnist_folder


class DlhwOrder(Sampler[int]):
    """dlhw's order of the samples, so that all sides see the same batches; each pass is the next epoch."""

    def __init__(self, problem: Problem) -> None:
        self.problem, self.epoch = problem, 0

    def __len__(self) -> int:
        return self.problem.steps * self.problem.batch_size

    def __iter__(self) -> Iterator[int]:
        order = self.problem.order(self.epoch)
        self.epoch += 1
        return iter(order.tolist())


def mnist_loader(problem: Problem) -> DataLoader:
    """MNIST as its users load it; its first 48,000 images are the training split."""
    images = MNIST(str(mnist_folder()), train=True, transform=ToTensor())
    return DataLoader(images, batch_size=problem.batch_size, sampler=DlhwOrder(problem))


class Loader:
    """Plain PyTorch that decodes and stacks its batches image by image."""

    def __init__(self, problem: Problem, weights: Sequence[Weights]) -> None:
        (only,) = weights
        self.names, self.batches = only, mnist_loader(problem)
        self.module = module_of(problem, only)
        self.optimizer = optimizer_of(self.module, problem.lrs[0])
        self.loss = nn.CrossEntropyLoss()

    def train(self, epoch: int) -> None:
        """The updates of a round."""
        for x, labels in self.batches:
            loss = self.loss(self.module(x), labels)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()

    def weights(self) -> list[Weights]:
        """The only run's parameters."""
        return [weights_of(self.module, self.names)]
