"""Which networks and losses have a compiled form, and the table that describes them to compiled code."""

import torch
from torch import Tensor

from dlhw.kernels import codes
from dlhw.nn.activations import Identity, ReLU, Sigmoid, Tanh
from dlhw.nn.affine import Affine
from dlhw.nn.context import ALIGNMENT
from dlhw.nn.flatten import Flatten
from dlhw.nn.layer import Layer
from dlhw.nn.losses import (
    BinaryCrossEntropy,
    BinarySquaredError,
    CrossEntropy,
    Loss,
    PerceptronLoss,
    SquaredError,
)
from dlhw.nn.network import Network
from dlhw.nn.parameters import Layout
from dlhw.nn.sequential import Sequential

ACTIVATIONS: dict[type[Layer], int] = {
    Identity: codes.IDENTITY,
    Sigmoid: codes.SIGMOID,
    Tanh: codes.TANH,
    ReLU: codes.RELU,
}
LOSSES: dict[type[Loss], int] = {
    CrossEntropy: codes.CROSS_ENTROPY,
    PerceptronLoss: codes.PERCEPTRON,
    BinaryCrossEntropy: codes.BINARY_CROSS_ENTROPY,
    BinarySquaredError: codes.BINARY_SQUARED_ERROR,
    SquaredError: codes.SQUARED_ERROR,
}


def chain_of(model: Network) -> list[tuple[str, Affine, int]] | None:
    """(name, affine layer, code of its activation) of each layer; None if the model is more than that."""
    if type(model) is not Sequential:
        return None
    chain: list[tuple[str, Affine, int]] = []
    for name, layer in model.layers.items():
        if type(layer) is Affine:
            chain.append((name, layer, codes.IDENTITY))
        elif type(layer) in ACTIVATIONS and chain and chain[-1][2] == codes.IDENTITY:
            chain[-1] = (*chain[-1][:2], ACTIVATIONS[type(layer)])
        elif not (type(layer) is Flatten and not chain):
            return None
    return chain or None


def reason_against(model: Network, loss: Loss) -> str | None:
    """Why a model and loss cannot be compiled, to stand behind "because"; None if they can."""
    if chain_of(model) is None:
        known = ", ".join(sorted(type_.__name__ for type_ in ACTIVATIONS))
        return f"the model is not a chain of affine layers and activations ({known})"
    if type(loss) not in LOSSES:
        return f"the loss {type(loss).__name__} has no compiled form"
    return None


def table_of(model: Network, layout: Layout, batch_size: int) -> tuple[Tensor, int]:
    """Table of the layers (see `dlhw.kernels.codes`), and how many numbers of working memory they need."""
    chain = chain_of(model)
    assert chain is not None, "callers ask reason_against first"
    rows, used = [], 0
    for name, layer, activation in chain:
        size = -(-batch_size * layer.num_out // ALIGNMENT) * ALIGNMENT
        bias = layout.start_of(f"{name}.bias") if layer.bias else -1
        weight = layout.start_of(f"{name}.weight")
        rows.append([layer.num_in, layer.num_out, activation, weight, bias, used, used + size])
        used += 2 * size
    return torch.tensor(rows, dtype=torch.long), used
