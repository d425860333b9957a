"""Which networks and losses have a compiled form, and the table that describes them to compiled code."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor

from dlhw.kernels import abi
from dlhw.kernels.thresholds import GEMM_TILE, NARROW_OUT, ROW_TILE
from dlhw.nn.activations import Identity, ReLU, Sigmoid, Tanh
from dlhw.nn.containers import Network, Sequential
from dlhw.nn.conv import Conv2d
from dlhw.nn.layer import ALIGNMENT, Layer
from dlhw.nn.linear import Affine
from dlhw.nn.losses import (
    BinaryCrossEntropy,
    BinarySquaredError,
    CrossEntropy,
    Loss,
    PerceptronLoss,
    SquaredError,
)
from dlhw.nn.parameters import ParameterLayout
from dlhw.nn.pooling import AvgPool2d, MaxPool2d, Pool2d
from dlhw.nn.shape import Flatten

KINDS: dict[type[Layer], int] = {
    Affine: abi.AFFINE,
    Conv2d: abi.CONVOLUTION,
    MaxPool2d: abi.MAX_POOLING,
    AvgPool2d: abi.AVERAGE_POOLING,
}
ACTIVATIONS: dict[type[Layer], int] = {
    Identity: abi.IDENTITY,
    Sigmoid: abi.SIGMOID,
    Tanh: abi.TANH,
    ReLU: abi.RELU,
}
LOSSES: dict[type[Loss], int] = {
    CrossEntropy: abi.CROSS_ENTROPY,
    PerceptronLoss: abi.PERCEPTRON,
    BinaryCrossEntropy: abi.BINARY_CROSS_ENTROPY,
    BinarySquaredError: abi.BINARY_SQUARED_ERROR,
    SquaredError: abi.SQUARED_ERROR,
}


@dataclass
class FusedLayer:
    """A layer of a chain, with the activation after it.

    Args:
        name: of the layer.
        layer: of a type in `KINDS`.
        input_shape: of one sample.
        output_shape: of one sample.
        activation: code.
    """

    name: str
    layer: Layer
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    activation: int = abi.IDENTITY


def chain_of(model: Network) -> list[FusedLayer] | None:
    """The links of a chain; None if the model is more than that."""
    if type(model) is not Sequential:
        return None
    chain: list[FusedLayer] = []
    shape = model.input_shape
    for name, layer in model.layers.items():
        if type(layer) in KINDS:
            chain.append(FusedLayer(name, layer, shape, layer.output_shape(shape)))
        elif type(layer) in ACTIVATIONS and chain and chain[-1].activation == abi.IDENTITY:
            chain[-1].activation = ACTIVATIONS[type(layer)]
        elif type(layer) is not Flatten:
            return None
        shape = layer.output_shape(shape)
    return chain or None


def takes_lists(model: Network) -> bool:
    """Whether inputs that mostly have one value save time: where the first layer of the chain is affine."""
    chain = chain_of(model)
    return chain is not None and type(chain[0].layer) is Affine


def reason_against(model: Network, loss: Loss) -> str | None:
    """Why a model and loss cannot be compiled, to stand behind "because"; None if they can."""
    if chain_of(model) is None:
        known = ", ".join(sorted(type_.__name__ for type_ in (*KINDS, *ACTIVATIONS)))
        return f"the model is not a chain of layers that have a compiled form ({known})"
    if type(loss) not in LOSSES:
        return f"the loss {type(loss).__name__} has no compiled form"
    return None


def table_of(model: Network, layout: ParameterLayout, batch_size: int, threads: int) -> tuple[Tensor, int]:
    """Table of the layers (see `dlhw.kernels.abi`), and how many numbers of working memory they need."""
    chain = chain_of(model)
    assert chain is not None, "callers ask reason_against first"
    rows, used = [], _aligned(threads * len(chain))  # first the sums of sizes
    for number, link in enumerate(chain):
        size = _aligned(batch_size * prod(link.output_shape))
        places = {"SIZES": number, "OUTPUT": used, "DELTA": used + size}
        rows.append(_sizes(link) | _geometry(link) | _parameters(link, layout) | places)
        used += 2 * size
    scratch_size = _aligned(max(_scratch(row) for row in rows))
    scratch = {"SCRATCH": used, "SCRATCH_SIZE": scratch_size}
    table = [[(scratch | row).get(name, 0) for name in abi.COLUMNS] for row in rows]
    return torch.tensor(table, dtype=torch.long), used + threads * scratch_size


def _aligned(count: int) -> int:
    return -(-count // ALIGNMENT) * ALIGNMENT


def _sizes(link: FusedLayer) -> dict[str, int]:
    return {
        "KIND": KINDS[type(link.layer)],
        "FAN_IN": prod(link.input_shape),
        "FAN_OUT": prod(link.output_shape),
        "ACTIVATION": link.activation,
    }


def _geometry(link: FusedLayer) -> dict[str, int]:
    layer = link.layer
    if not isinstance(layer, Conv2d | Pool2d):
        return {}
    (channels, height, width), (filters, rows, places) = link.input_shape, link.output_shape
    padding = layer.padding if isinstance(layer, Conv2d) else 0
    return {
        "CHANNELS": channels, "HEIGHT": height, "WIDTH": width, "FILTERS": filters, "KERNEL": layer.kernel,
        "STRIDE": layer.stride, "PADDING": padding, "OUT_HEIGHT": rows, "OUT_WIDTH": places,
    }  # fmt: skip


def _parameters(link: FusedLayer, layout: ParameterLayout) -> dict[str, int]:
    found: dict[str, int] = {}
    for name, place, count in (("weight", "WEIGHT", "NUM_WEIGHTS"), ("bias", "BIAS", "NUM_BIASES")):
        if name in link.layer.specs():
            found |= {
                place: layout.start_of(f"{link.name}.{name}"),
                count: prod(link.layer.specs()[name].shape),
            }
    return found


def _scratch(row: Mapping[str, int]) -> int:
    """Numbers that its products need besides: weights and windows of one image, a piece, rows, a product."""
    if row["KIND"] == abi.CONVOLUTION:
        windows = row["CHANNELS"] * row["KERNEL"] ** 2 * row["OUT_HEIGHT"] * row["OUT_WIDTH"]
        return row["NUM_WEIGHTS"] + windows
    return max(int(GEMM_TILE), (int(ROW_TILE) if row["FAN_OUT"] <= NARROW_OUT else 2) * row["FAN_OUT"])
