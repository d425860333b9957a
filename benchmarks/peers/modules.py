"""The network as a torch module, for all peers made with torch."""

import torch
from torch import nn

from benchmarks.problem import ALPHA, Problem, Weights


def module_of(problem: Problem, weights: Weights) -> nn.Sequential:
    """The module that one would write, with given parameters."""
    if problem.model == "cnn":
        filters, channels, kernel, _ = weights["conv1.weight"].shape
        first: nn.Module = nn.Conv2d(channels, filters, kernel, padding=1)
        last = nn.Linear(*weights["fc.weight"].shape)
        module = nn.Sequential(first, nn.ReLU(), nn.Flatten(), last)
    else:
        first = nn.Linear(*weights["fc1.weight"].shape)
        last = nn.Linear(*weights["fc2.weight"].shape)
        module = nn.Sequential(nn.Flatten(), first, nn.Sigmoid(), last)
    with torch.no_grad():
        for parameter, value in zip(module.parameters(), weights.values(), strict=True):
            parameter.copy_(value.T if value.ndim == 2 else value)
    return module


def optimizer_of(module: nn.Module, lr: float) -> torch.optim.Optimizer:
    """SGD with weight decay on weights; on biases there is none."""
    weights = [parameter for parameter in module.parameters() if parameter.ndim > 1]
    biases = [parameter for parameter in module.parameters() if parameter.ndim == 1]
    return torch.optim.SGD(
        [{"params": weights, "weight_decay": ALPHA}, {"params": biases, "weight_decay": 0.0}], lr=lr
    )


def weights_of(module: nn.Module, names: Weights) -> Weights:
    """The parameters by dlhw's names and in its shapes."""
    values = [parameter.detach().cpu() for parameter in module.parameters()]
    return {
        name: (value.T if value.ndim == 2 else value).clone()
        for name, value in zip(names, values, strict=True)
    }
