"""Model `dag`: a graph of nodes that the config names."""

from collections.abc import Sequence
from math import prod

from dlhw.config.model_base import Activation
from dlhw.config.model_dag import DagConfig, NodeConfig, NodeKind
from dlhw.config.topology import INPUT, OUTPUT, in_order
from dlhw.errors import ConfigError
from dlhw.models.activations import ACTIVATIONS
from dlhw.nn.affine import Affine
from dlhw.nn.flatten import Flatten
from dlhw.nn.graph import Graph, Node
from dlhw.nn.layer import Layer
from dlhw.nn.merge import Add, Concat, Merge

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
    return Affine(num_in, num_out) if node.layer is NodeKind.affine else ACTIVATIONS[Activation(node.layer)]()
