"""The loop that one would write without dlhw: module, autograd, torch.optim.SGD, tensors in memory."""

import torch
from torch import Tensor, nn

from dlhw.random import generator


class PlainMLP:
    """784-128-10 with sigmoid, trained by plain PyTorch on the same tensors, order and recipe as ours.

    Args:
        inputs: (n, features).
        labels: (n,).
        weights: initial values, parameter name as ours -> (in, out) or (out,).
        lr: learning rate.
        alpha: L2 strength, half convention; added to the weights' gradients as weight decay.
        batch_size: samples a step.
    """

    def __init__(
        self,
        inputs: Tensor,
        labels: Tensor,
        weights: dict[str, Tensor],
        lr: float,
        alpha: float,
        batch_size: int,
    ) -> None:
        self.inputs, self.labels, self.batch_size = inputs, labels, batch_size
        features, hidden = weights["fc1.weight"].shape
        first, last = nn.Linear(features, hidden), nn.Linear(hidden, weights["fc2.bias"].shape[0])
        for layer, name in ((first, "fc1"), (last, "fc2")):
            layer.weight.data.copy_(weights[f"{name}.weight"].T)
            layer.bias.data.copy_(weights[f"{name}.bias"])
        self.model = nn.Sequential(first, nn.Sigmoid(), last)
        groups = [
            {"params": [first.weight, last.weight], "weight_decay": alpha},
            {"params": [first.bias, last.bias], "weight_decay": 0.0},
        ]
        self.optimizer = torch.optim.SGD(groups, lr=lr)
        self.loss = nn.CrossEntropyLoss()

    def epoch(self, number: int, seed: int) -> None:
        """One pass over the data, in the order that ours takes."""
        order = torch.randperm(len(self.labels), generator=generator(seed, "order", number))
        for start in range(0, len(order), self.batch_size):
            index = order[start : start + self.batch_size]
            loss = self.loss(self.model(self.inputs[index]), self.labels[index])
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
