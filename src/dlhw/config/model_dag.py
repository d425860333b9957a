"""Model `dag`: nodes that are named in the config."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum, auto

from dlhw.config.group import Group, at_least
from dlhw.config.model_base import ModelConfig, flow
from dlhw.config.topology import INPUT, OUTPUT, in_order
from dlhw.errors import ConfigError


class NodeKind(StrEnum):
    """What a node of `model=dag` does."""

    affine = auto()
    sigmoid = auto()
    relu = auto()
    tanh = auto()
    identity = auto()
    sine = auto()
    cosine = auto()
    gaussian = auto()
    absolute = auto()
    inverse = auto()
    step = auto()
    sign = auto()
    add = auto()
    concat = auto()


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
        NodeConfig(name="relu1", layer=NodeKind.relu, inputs=["fc1"]),
        NodeConfig(name="fc2", units=64, inputs=["relu1"]),
        NodeConfig(name="relu2", layer=NodeKind.relu, inputs=["fc2"]),
        NodeConfig(name="skip", layer=NodeKind.add, inputs=["relu1", "relu2"]),
        NodeConfig(name=OUTPUT, inputs=["skip"]),
    ]


@dataclass(kw_only=True)
class DagConfig(ModelConfig):
    """Network with skip connections: nodes that feed each other without a cycle."""

    name: str = "dag"
    nodes: list[NodeConfig] = field(default_factory=residual_nodes)
    """in any order, each {name: …, layer: …, inputs: […], units: …}"""

    def has_thresholds(self) -> bool:
        return any(node.layer in (NodeKind.step, NodeKind.sign) for node in self.nodes)

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
