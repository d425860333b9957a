"""Which layers, activations and losses have a compiled form, and the table that describes a network to it.

A compiled layer is a file of `dlhw.kernels` with its functions, and an entry of `LAYERS`. Functions are named
by "module:factory" and imported only when steps are compiled, because that needs numba. In compiled code a
layer, activation or loss is its index in the dictionary here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, NamedTuple

import numpy as np

from dlhw.kernels.abi import LAYER
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


@dataclass
class FusedLayer:
    """A layer of a chain, with the activation after it.

    Args:
        name: of the layer.
        layer: of a type in `LAYERS`.
        input_shape: of one sample.
        output_shape: of one sample.
        activation: of a type in `ACTIVATIONS`.
    """

    name: str
    layer: Layer
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    activation: type[Layer] = Identity


class LayerFunctions(NamedTuple):
    """What the file of a compiled layer returns for one floating-point type.

    gemm is the address of ?gemm, layer a record, row a run's parameters; x, h, d and dx are inputs, outputs,
    and the gradients of outputs and inputs; lists and background replace x where the inputs are listed.

    Args:
        forward: (gemm, layer, row, lists, background, x, h, scratch, samples) -> sum|h|: h <- f(layer(x)).
        backward: (gemm, layer, row, x, d, dx, scratch, samples): dx <- gradient of x.
        accumulate: (gemm, layer, lists, background, x, d, to, scratch, samples, rows, biases, scale,
            factors): to <- keep to + decay to + scale gradient, for weights in the range `rows` and biases in
            the range `biases`; factors are (keep, decay), and biases have been multiplied by them before.
    """

    forward: Callable[..., Any]
    backward: Callable[..., Any]
    accumulate: Callable[..., Any]


def _affine_fields(fused: FusedLayer) -> dict[str, int]:
    return {"num_rows": prod(fused.input_shape)}


def _affine_scratch(row: Mapping[str, int]) -> int:
    """A tile of transposed weights, rows, or a product that is added to the weights afterwards."""
    return max(int(GEMM_TILE), (int(ROW_TILE) if row["fan_out"] <= NARROW_OUT else 2) * row["fan_out"])


def _window_fields(fused: FusedLayer) -> dict[str, int]:
    layer = fused.layer
    assert isinstance(layer, Conv2d | Pool2d)
    (channels, height, width), (filters, rows, columns) = fused.input_shape, fused.output_shape
    return {
        "channels": channels, "height": height, "width": width, "filters": filters, "kernel": layer.kernel,
        "stride": layer.stride, "out_height": rows, "out_width": columns,
    }  # fmt: skip


def _convolution_fields(fused: FusedLayer) -> dict[str, int]:
    assert isinstance(fused.layer, Conv2d)
    filters = fused.output_shape[0]
    return _window_fields(fused) | {
        "padding": fused.layer.padding, "num_rows": filters, "has_row_biases": 1,
    }  # fmt: skip


def _convolution_scratch(row: Mapping[str, int]) -> int:
    """The sum over images of the weights' gradients, and the windows of one image."""
    windows = row["channels"] * row["kernel"] ** 2 * row["out_height"] * row["out_width"]
    return row["num_weights"] + windows


def _no_scratch(row: Mapping[str, int]) -> int:
    return 0


@dataclass(frozen=True)
class LayerKernel:
    """How a type of layer is compiled.

    Args:
        functions: "module:factory" of its `LayerFunctions`, in `dlhw.kernels`.
        fields: those fields of its row in the table that not every layer has.
        scratch: numbers of working memory that a thread needs for it, from its row.
    """

    functions: str
    fields: Callable[[FusedLayer], dict[str, int]]
    scratch: Callable[[Mapping[str, int]], int] = _no_scratch


LAYERS: dict[type[Layer], LayerKernel] = {
    Affine: LayerKernel("affine:affine_functions", _affine_fields, _affine_scratch),
    Conv2d: LayerKernel("convolution:convolution_functions", _convolution_fields, _convolution_scratch),
    MaxPool2d: LayerKernel("pooling:max_pooling_functions", _window_fields),
    AvgPool2d: LayerKernel("pooling:average_pooling_functions", _window_fields),
}
# of an affine layer that is the first, where its inputs are listed; its code follows those of `LAYERS`
LISTED_AFFINE = "sparse:listed_affine_functions"
# names of functions in `dlhw.kernels.activations` and `dlhw.kernels.losses`
ACTIVATIONS: dict[type[Layer], str] = {
    Identity: "identity",
    Sigmoid: "sigmoid",
    Tanh: "tanh",
    ReLU: "relu",
}
LOSSES: dict[type[Loss], str] = {
    CrossEntropy: "cross_entropy",
    PerceptronLoss: "perceptron",
    BinaryCrossEntropy: "binary_cross_entropy",
    BinarySquaredError: "binary_squared_error",
    SquaredError: "squared_error",
}


def fuse_layers(model: Network) -> list[FusedLayer] | None:
    """The layers of a chain, each with its activation; None if the model is not such a chain."""
    if type(model) is not Sequential:
        return None
    chain: list[FusedLayer] = []
    shape = model.input_shape
    for name, layer in model.layers.items():
        if type(layer) in LAYERS:
            chain.append(FusedLayer(name, layer, shape, layer.output_shape(shape)))
        elif type(layer) in ACTIVATIONS and chain and chain[-1].activation is Identity:
            chain[-1].activation = type(layer)
        elif type(layer) is not Flatten:
            return None
        shape = layer.output_shape(shape)
    return chain or None


def supports_lists(model: Network) -> bool:
    """Whether inputs that mostly have one value save time: where the first layer of the chain is affine."""
    chain = fuse_layers(model)
    return chain is not None and type(chain[0].layer) is Affine


def reason_against(model: Network, loss: Loss) -> str | None:
    """Why a model and loss cannot be compiled, as a clause that follows "because"; None if they can."""
    if fuse_layers(model) is None:
        known = ", ".join(sorted(type_.__name__ for type_ in (*LAYERS, *ACTIVATIONS)))
        return f"the model is not a chain of layers that have a compiled form ({known})"
    if type(loss) not in LOSSES:
        return f"the loss {type(loss).__name__} has no compiled form"
    return None


def code_of(table: Mapping[type, object], type_: type) -> int:
    """The number that stands for a layer, activation or loss in compiled code."""
    return list(table).index(type_)


def layer_table(
    model: Network, layout: ParameterLayout, batch_size: int, threads: int
) -> tuple[np.ndarray[Any, Any], int]:
    """Describe a chain to compiled code.

    Args:
        model: a chain.
        layout: offsets of its parameters.
        batch_size: B.
        threads: that make a step together.

    Returns:
        (a record for each layer, see `dlhw.kernels.abi.LAYER`; how many numbers of working memory they need)
    """
    chain = fuse_layers(model)
    assert chain is not None, "callers ask reason_against first"
    rows, used = [], _aligned(threads * len(chain))  # first the sums of sizes
    for number, fused in enumerate(chain):
        size = _aligned(batch_size * prod(fused.output_shape))
        offsets = {"sizes": number, "output": used, "delta": used + size}
        fields = LAYERS[type(fused.layer)].fields(fused)
        rows.append(_common_fields(fused) | _parameter_fields(fused, layout) | fields | offsets)
        used += 2 * size
    needed = [LAYERS[type(fused.layer)].scratch(row) for fused, row in zip(chain, rows, strict=True)]
    scratch_size = _aligned(max(needed))
    table = np.zeros(len(rows), LAYER)
    table["scratch"], table["scratch_size"] = used, scratch_size
    for record, row in zip(table, rows, strict=True):
        for name, value in row.items():
            record[name] = value
    return table, used + threads * scratch_size


def _aligned(count: int) -> int:
    return -(-count // ALIGNMENT) * ALIGNMENT


def _common_fields(fused: FusedLayer) -> dict[str, int]:
    return {
        "kind": code_of(LAYERS, type(fused.layer)),
        "fan_in": prod(fused.input_shape),
        "fan_out": prod(fused.output_shape),
        "activation": code_of(ACTIVATIONS, fused.activation),
        "num_weights": 0,
    }


def _parameter_fields(fused: FusedLayer, layout: ParameterLayout) -> dict[str, int]:
    fields: dict[str, int] = {}
    specs = fused.layer.specs()
    for name, count in (("weight", "num_weights"), ("bias", "num_biases")):
        if name in specs:
            fields |= {name: layout.start_of(f"{fused.name}.{name}"), count: prod(specs[name].shape)}
    return fields
