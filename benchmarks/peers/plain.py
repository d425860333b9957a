"""The loop that one would write without dlhw: module, autograd, torch.optim.SGD, tensors in memory."""

from collections.abc import Sequence

import torch
from torch import nn

from benchmarks.peers.modules import module_of, optimizer_of, weights_of
from benchmarks.problem import Problem, Weights


class Plain:
    """Plain PyTorch, on the device of the problem; several runs train one after the other."""

    def __init__(self, problem: Problem, weights: Sequence[Weights]) -> None:
        self.problem, self.names = problem, weights[0]
        device = torch.device(problem.device)
        self.inputs, self.labels = problem.inputs.to(device), problem.labels.to(device)
        self.modules = [module_of(problem, run).to(device) for run in weights]
        self.optimizers = [
            optimizer_of(module, lr) for module, lr in zip(self.modules, problem.lrs, strict=True)
        ]
        self.loss = nn.CrossEntropyLoss()

    def train(self, epoch: int) -> None:
        """The updates of a round."""
        order = self.problem.order(epoch).to(self.inputs.device)
        for module, optimizer in zip(self.modules, self.optimizers, strict=True):
            self._train_one(module, optimizer, order)
        if self.inputs.is_cuda:
            torch.cuda.synchronize()

    def _train_one(self, module: nn.Module, optimizer: torch.optim.Optimizer, order: torch.Tensor) -> None:
        size = self.problem.batch_size
        for start in range(0, len(order), size):
            index = order[start : start + size]
            loss = self.loss(module(self.inputs[index]), self.labels[index])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    def weights(self) -> list[Weights]:
        """Each run's parameters."""
        return [weights_of(module, self.names) for module in self.modules]
