"""Models that are graphs: `dag`, whose nodes are listed in the config, and `random_graph`."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum, auto
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

from dlhw.config.group import Group, at_least
from dlhw.config.model_base import Activation, ModelConfig, flow
from dlhw.errors import ConfigError, did_you_mean, listing

INPUT, OUTPUT = "input", "output"


def in_order(inputs: Mapping[str, Sequence[str]]) -> list[str]:
    """Sort nodes topologically: every node comes after its inputs.

    Args:
        inputs: node -> names of its inputs; `input` is the input of the network, `output` its output.

    Raises:
        ConfigError: for an unknown node, a node without inputs, an unused node, or a cycle.

    >>> in_order({"output": ["sum"], "sum": ["a", "input"], "a": ["input"]})
    ['a', 'sum', 'output']
    >>> in_order({"output": ["b"], "a": ["b"], "b": ["a"]})
    Traceback (most recent call last):
    dlhw.errors.ConfigError: the nodes a -> b -> a are a cycle
    """
    _check_names(inputs)
    try:
        order = list(TopologicalSorter(inputs).static_order())
    except CycleError as error:
        raise ConfigError(f"the nodes {_cycle(error.args[1], inputs)} are a cycle") from error
    useful = {OUTPUT}
    for name in reversed(order):
        useful.update(inputs.get(name, ()) if name in useful else ())
    unused = [name for name in inputs if name not in useful]
    if unused:
        raise ConfigError(f"the node {unused[0]} is unused: nothing leads from it to {OUTPUT}")
    return [name for name in order if name != INPUT]


def _check_names(inputs: Mapping[str, Sequence[str]]) -> None:
    if INPUT in inputs:
        raise ConfigError(f"a node cannot be named {INPUT}, the name of the network's input")
    if OUTPUT not in inputs:
        raise ConfigError(f"one of the nodes must be named {OUTPUT}, got {listing(inputs) or 'none'}")
    for name, sources in inputs.items():
        if not sources:
            raise ConfigError(f"the node {name} has no inputs: name them, such as {INPUT}")
        for source in sources:
            if source != INPUT and source not in inputs:
                near = did_you_mean(source, [INPUT, *inputs])
                raise ConfigError(f"the node {name} has the input {source}, which does not exist{near}")


def _cycle(cycle: Sequence[str], inputs: Mapping[str, Sequence[str]]) -> str:
    """`a -> b -> a`, starting with the node that was named first."""
    ring, names = list(cycle[:-1]), list(inputs)
    start = ring.index(min(ring, key=names.index))
    ring = ring[start:] + ring[:start]
    return " -> ".join([*ring, ring[0]])


if TYPE_CHECKING:

    class NodeKind(StrEnum):
        """What a node of `model=dag` does: affine, add, concat or an activation."""

        affine = auto()
        add = auto()
        concat = auto()

else:
    NodeKind = StrEnum("NodeKind", ["affine", *Activation.__members__, "add", "concat"])
    NodeKind.__doc__ = "What a node of `model=dag` does: affine, add, concat or an activation."


MERGES = (NodeKind.add, NodeKind.concat)


@dataclass(kw_only=True, repr=False)
class NodeConfig(Group):
    """One node of `model=dag`."""

    name: str = "???"
    """name that other nodes refer to; the node `output` gives the model's output"""
    layer: NodeKind = NodeKind.affine
    """affine, an activation, or add or concat with several inputs"""
    inputs: list[str] = field(default_factory=list)
    """names of its input nodes; `input` is the flattened sample"""
    units: int | None = None
    """affine: number of units; null: the number of the model's outputs"""

    def __repr__(self) -> str:
        return flow(self)

    def activation(self) -> Activation | None:
        """The activation that the node applies; None for affine, add and concat."""
        return Activation(self.layer) if self.layer.name in Activation.__members__ else None

    def problems_at(self, key: str) -> Iterator[str]:
        """Problems of the node whose key is `key`."""
        if not re.fullmatch(r"[\w-]+", self.name):
            yield f"{key}.name must be a word (letters, digits, _ and -), got {self.name!r}"
        if self.units is not None:
            yield from at_least(f"{key}.units", self.units, 1)
            if self.layer is not NodeKind.affine:
                yield f"{key}.units is only read by layer=affine, got layer={self.layer}"
        if self.layer in MERGES and len(self.inputs) < 2:
            yield f"{key}.inputs must name two or more nodes for layer={self.layer}, got {self.inputs}"
        elif self.layer not in MERGES and len(self.inputs) > 1:
            yield (
                f"{key}.inputs must name one node for layer={self.layer} (add and concat take more), "
                f"got {self.inputs}"
            )


def residual_nodes() -> list[NodeConfig]:
    """Two hidden layers with a skip connection around the second."""
    return [
        NodeConfig(name="fc1", units=64, inputs=[INPUT]),
        NodeConfig(name="relu1", layer=NodeKind("relu"), inputs=["fc1"]),
        NodeConfig(name="fc2", units=64, inputs=["relu1"]),
        NodeConfig(name="relu2", layer=NodeKind("relu"), inputs=["fc2"]),
        NodeConfig(name="skip", layer=NodeKind.add, inputs=["relu1", "relu2"]),
        NodeConfig(name=OUTPUT, inputs=["skip"]),
    ]


@dataclass(kw_only=True)
class DagConfig(ModelConfig):
    """Directed acyclic graph of layers, such as a network with skip connections."""

    builder = "dlhw.models.graphs:dag"
    name: str = "dag"
    nodes: list[NodeConfig] = field(default_factory=residual_nodes)
    """the nodes in any order: {name: …, layer: …, inputs: […], units: …}"""

    def has_thresholds(self) -> bool:
        return any(
            activation.is_threshold for node in self.nodes if (activation := node.activation()) is not None
        )

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        for position, node in enumerate(self.nodes):
            yield from node.problems_at(f"model.nodes[{position}]")
        names = [node.name for node in self.nodes]
        for name in sorted({name for name in names if names.count(name) > 1}):
            yield f"model.nodes must have names of their own, got {name} twice"
        try:
            in_order({node.name: node.inputs for node in self.nodes})
        except ConfigError as error:
            yield f"model.nodes: {error}"


def paper_activations() -> list[Activation]:
    """The nonlinearities of Gaier and Ha, "Weight Agnostic Neural Networks" (2019), except the step."""
    named = "identity sine cosine gaussian tanh sigmoid inverse absolute relu"
    return [Activation[name] for name in named.split()]


@dataclass(kw_only=True)
class RandomGraphConfig(ModelConfig):
    """Sparse layers with random connections and several activations; the connections are never trained."""

    builder = "dlhw.models.graphs:random_graph"
    name: str = "random_graph"
    hidden: list[int] = field(default_factory=lambda: [64, 64])
    """number of units of each hidden layer"""
    fan_in: int = 8
    """number of units of the previous layer that each unit is connected to"""
    activations: list[Activation] = field(default_factory=paper_activations)
    """nonlinearities, assigned to the units of each hidden layer in equal shares"""
    graph_seed: int = 0
    """seed of the random connections"""

    def has_thresholds(self) -> bool:
        return any(activation.is_threshold for activation in self.activations)

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        for position, units in enumerate(self.hidden):
            yield from at_least(f"model.hidden[{position}]", units, 1)
        yield from at_least("model.fan_in", self.fan_in, 1)
        yield from at_least("model.graph_seed", self.graph_seed, 0)
        if not self.activations:
            yield "model.activations must name at least one activation, got []"
