"""Models that are graphs: `dag`, whose nodes the config names, and `random_graph`; and the order of nodes."""

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
    """Sort nodes so that each stands after those that it takes.

    Args:
        inputs: node -> the nodes that it takes; `input` is what comes from outside, `output` what is wanted.

    Raises:
        ConfigError: for a node that is not there, has no inputs or leads nowhere, and for a cycle.

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
        raise ConfigError(f"a node cannot be called {INPUT}, which is what comes from outside")
    if OUTPUT not in inputs:
        raise ConfigError(f"one of the nodes must be called {OUTPUT}, got {listing(inputs) or 'none'}")
    for name, taken in inputs.items():
        if not taken:
            raise ConfigError(f"the node {name} takes nothing: name its inputs, such as {INPUT}")
        for source in taken:
            if source != INPUT and source not in inputs:
                near = did_you_mean(source, [INPUT, *inputs])
                raise ConfigError(f"the node {name} takes {source}, which is not there{near}")


def _cycle(found: Sequence[str], inputs: Mapping[str, Sequence[str]]) -> str:
    """`a -> b -> a`, beginning with the node that was named first."""
    ring, names = list(found[:-1]), list(inputs)
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
    """what other nodes call it; `output` gives the model's output"""
    layer: NodeKind = NodeKind.affine
    """affine, an activation, or add or concat of several inputs"""
    inputs: list[str] = field(default_factory=list)
    """nodes that it takes; `input` is the sample, flattened"""
    units: int | None = None
    """affine: how many; null: as many as the model has outputs"""

    def __repr__(self) -> str:
        return flow(self)

    def activation(self) -> Activation | None:
        """The activation that the node applies; None for affine, add and concat."""
        return Activation(self.layer) if self.layer.name in Activation.__members__ else None

    def problems_at(self, key: str) -> Iterator[str]:
        """Problems of the node that is called `key`."""
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
    """Two hidden layers, the second of which is added to the first."""
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
    """Network with skip connections: nodes that feed each other without a cycle."""

    builder = "dlhw.models.graphs:dag"
    name: str = "dag"
    nodes: list[NodeConfig] = field(default_factory=residual_nodes)
    """in any order, each {name: …, layer: …, inputs: […], units: …}"""

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
    """The nonlinearities of Gaier and Ha, "Weight Agnostic Neural Networks" (2019), but the step."""
    named = "identity sine cosine gaussian tanh sigmoid inverse absolute relu"
    return [Activation[name] for name in named.split()]


@dataclass(kw_only=True)
class RandomGraphConfig(ModelConfig):
    """Layers with few random connections, each unit with its own activation; the graph is never trained."""

    builder = "dlhw.models.graphs:random_graph"
    name: str = "random_graph"
    hidden: list[int] = field(default_factory=lambda: [64, 64])
    """units of each hidden layer"""
    fan_in: int = 8
    """units of the layer before that each unit sees"""
    activations: list[Activation] = field(default_factory=paper_activations)
    """nonlinearities, dealt out to the units of each hidden layer in equal shares"""
    graph_seed: int = 0
    """the connections are drawn by it"""

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
