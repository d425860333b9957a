"""Models whose connections form a graph: `dag` and `random_graph`."""

from collections.abc import Sequence
from itertools import pairwise
from math import prod

import torch
from torch import Generator, Tensor

from dlhw.config.model_graph import (
    INPUT,
    OUTPUT,
    DagConfig,
    NodeConfig,
    NodeKind,
    RandomGraphConfig,
    in_order,
)
from dlhw.errors import ConfigError
from dlhw.nn.activations import PerUnit, build_activation
from dlhw.nn.containers import Graph, Node, Sequential
from dlhw.nn.layer import Layer
from dlhw.nn.linear import Affine, SparseAffine
from dlhw.nn.shape import Add, Concat, Flatten, Merge
from dlhw.random import generator

# With a space, which no node of a config has in its name.
FLAT = "flat input"
MERGES: dict[NodeKind, type[Merge]] = {NodeKind.add: Add, NodeKind.concat: Concat}


def dag(configs: Sequence[DagConfig], input_shape: tuple[int, ...], num_outputs: int) -> Graph:
    """The nodes of the config, behind one that flattens the input.

    Raises:
        ConfigError: if the nodes do not fit together, or give another number of outputs.
    """
    named = {node.name: node for node in configs[0].nodes}
    widths = {INPUT: prod(input_shape)}
    nodes = {FLAT: Node(Flatten(), [INPUT])}
    for name in in_order({name: node.inputs for name, node in named.items()}):
        node = named[name]
        before = [widths[source] for source in node.inputs]
        widths[name] = _width(node, before, num_outputs)
        operation = _operation(node, before[0], widths[name])
        nodes[name] = Node(operation, [FLAT if source == INPUT else source for source in node.inputs])
    try:
        graph = Graph(nodes, input_shape)
    except ConfigError as error:
        raise ConfigError(f"model.nodes: {error}") from error
    if graph.output_shape != (num_outputs,):
        raise ConfigError(
            f"model.nodes must give {num_outputs} outputs for this data and loss, {OUTPUT} gives "
            f"{widths[OUTPUT]}; an affine node with units=null has as many as are needed"
        )
    return graph


def _width(node: NodeConfig, before: Sequence[int], num_outputs: int) -> int:
    """Numbers that a node gives, from those of its inputs."""
    if node.layer is NodeKind.affine:
        return node.units or num_outputs
    return sum(before) if node.layer is NodeKind.concat else before[0]


def _operation(node: NodeConfig, num_in: int, num_out: int) -> Layer | Merge:
    if node.layer in MERGES:
        return MERGES[node.layer]()
    activation = node.activation()
    return Affine(num_in, num_out) if activation is None else build_activation(activation)


def random_graph(
    configs: Sequence[RandomGraphConfig], input_shape: tuple[int, ...], num_outputs: int
) -> Sequential:
    """Flatten, then a sparse affine map and the activations per hidden layer, then a sparse affine map.

    Which units are connected depends on `graph_seed` alone, not on the seed of a run.

    Args:
        configs: one a run; they have the same graph.
        input_shape: shape of one input.
        num_outputs: outputs K.
    """
    first = configs[0]
    stream = generator(first.graph_seed, "graph")
    layers: dict[str, Layer] = {"flatten": Flatten()}
    widths = [prod(input_shape), *first.hidden, num_outputs]
    for number, (num_in, num_out) in enumerate(pairwise(widths), start=1):
        layers[f"fc{number}"] = SparseAffine(num_in, connections(num_in, num_out, first.fan_in, stream))
        if number <= len(first.hidden):
            layers[f"act{number}"] = PerUnit([build_activation(kind) for kind in first.activations])
    return Sequential(layers, input_shape)


def connections(num_in: int, num_out: int, fan_in: int, stream: Generator) -> Tensor:
    """Inputs of each output, (K, O): K = min(fan_in, num_in) of them, drawn without replacement.

    >>> connections(3, 2, 5, torch.Generator()).sort(0).values.tolist()
    [[0, 0], [1, 1], [2, 2]]
    """
    drawn_OI = torch.rand(num_out, num_in, generator=stream, dtype=torch.float64).argsort(1)
    return drawn_OI[:, :fan_in].T.contiguous()
