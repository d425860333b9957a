"""Networks of named layers: chains and directed acyclic graphs."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from math import prod
from typing import Any, Self

import torch
from torch import Tensor

from dlhw.config.model_graph import INPUT, OUTPUT, in_order
from dlhw.errors import ConfigError, listing
from dlhw.nn.layer import NO_PARAMS, Context, Layer, ParameterSpec, Params
from dlhw.nn.shape import Merge, Shape


class Network(ABC):
    """Named layers; parameters are grouped by the layer's name.

    Attributes:
        layers: name -> layer, in the order of the forward pass.
        input_shape: shape of one input, without run and batch axis.
        output_shape: shape of one output.
        max_activation_size: elements of the largest activation of one sample.
        total_activation_size: elements of the input and of all layers' outputs for one sample.
    """

    layers: dict[str, Layer]
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    max_activation_size: int
    total_activation_size: int

    def specs(self) -> dict[str, dict[str, ParameterSpec]]:
        """Layer name -> parameter name -> what it is; layers without parameters are left out."""
        return {name: specs for name, layer in self.layers.items() if (specs := layer.specs())}

    @property
    def has_thresholds(self) -> bool:
        """Whether gradients may be zero because of threshold units."""
        return any(layer.is_threshold for layer in self.layers.values())

    @property
    def is_stochastic(self) -> bool:
        """Whether a training pass draws random numbers."""
        return any(layer.is_stochastic for layer in self.layers.values())

    @abstractmethod
    def forward(self, params: Mapping[str, Params], x: Tensor, ctx: Context) -> tuple[Tensor, list[Any]]:
        """Return the output (R, N, *out) and the caches of all layers, in their order."""

    @abstractmethod
    def backward(
        self,
        params: Mapping[str, Params],
        dout: Tensor,
        caches: list[Any],
        grads: Mapping[str, Params],
        ctx: Context,
        *,
        need_dx: bool = False,
    ) -> Tensor | None:
        """Write all gradients into `grads`; return the gradient of the input if `need_dx`."""

    def with_layers(self, layers: Mapping[str, Layer]) -> Self:
        """The same network made of other layers under the same names; they must fit in their places."""
        network = copy(self)
        network.layers = dict(layers)
        return network

    def kink_pattern(self, caches: list[Any]) -> list[Tensor]:
        """Which side of every kink was taken, for all layers that have kinks."""
        taken = [layer.kink_pattern(cache) for layer, cache in zip(self.layers.values(), caches, strict=True)]
        return [branch for branch in taken if branch is not None]


class Sequential(Network):
    """Layers one after the other; parameters are grouped by the layer's name.

    Args:
        layers: name -> layer, in the order of the forward pass.
        input_shape: shape of one input, without run and batch axis.

    Raises:
        ConfigError: if two neighbours do not fit.
    """

    def __init__(self, layers: Mapping[str, Layer], input_shape: tuple[int, ...]) -> None:
        # copies, because buffers belong to a layer object and one object may stand at two places
        self.layers = {name: copy(layer) for name, layer in layers.items()}
        self.input_shape = input_shape
        shape = input_shape
        self.max_activation_size = self.total_activation_size = prod(shape)
        for layer in self.layers.values():
            shape = layer.output_shape(shape)
            self.max_activation_size = max(self.max_activation_size, prod(shape))
            self.total_activation_size += prod(shape)
        self.output_shape = shape
        self._names = list(self.layers)
        # the gradient of an input is only computed where a layer before it has parameters
        parametric = [position for position, layer in enumerate(self.layers.values()) if layer.specs()]
        self._first_parametric = parametric[0] if parametric else len(self._names)

    def forward(self, params: Mapping[str, Params], x: Tensor, ctx: Context) -> tuple[Tensor, list[Any]]:
        caches = []
        for name, layer in self.layers.items():
            x, cache = layer.forward(params.get(name, NO_PARAMS), x, ctx)
            caches.append(cache)
        return x, caches

    def backward(
        self,
        params: Mapping[str, Params],
        dout: Tensor,
        caches: list[Any],
        grads: Mapping[str, Params],
        ctx: Context,
        *,
        need_dx: bool = False,
    ) -> Tensor | None:
        stop = 0 if need_dx else self._first_parametric
        grad: Tensor | None = dout
        for position in range(len(self._names) - 1, stop - 1, -1):
            name = self._names[position]
            assert grad is not None
            grad = self.layers[name].backward(
                params.get(name, NO_PARAMS),
                grad,
                caches[position],
                grads.get(name, NO_PARAMS),
                ctx,
                need_dx=need_dx or position > stop,
            )
        return grad


@dataclass(frozen=True)
class Node:
    """A place in a graph.

    Args:
        operation: a layer, which takes one input, or a merge, which takes two or more.
        inputs: names of the nodes that it takes; `input` is the graph's own input.
    """

    operation: Layer | Merge
    inputs: Sequence[str]


class Graph(Network):
    """Named nodes, computed in topological order; the one called `output` gives the output.

    y_v = f_v(y_u for u in inputs of v)        dy_u = sum over consumers v of (df_v/dy_u)^T dy_v

    Args:
        nodes: name -> node, in any order.
        input_shape: shape of one input, without run and batch axis.

    Raises:
        ConfigError: for a cycle, a node that is not there, is unused, or does not fit its inputs.
    """

    def __init__(self, nodes: Mapping[str, Node], input_shape: Shape) -> None:
        self._inputs = {name: nodes[name].inputs for name in in_order(_inputs_of(nodes))}
        # copies, because buffers belong to an object and one object may stand at two places
        self._operations = {name: copy(nodes[name].operation) for name in self._inputs}
        self.layers = {name: each for name, each in self._operations.items() if isinstance(each, Layer)}
        self.input_shape = input_shape
        self._shapes = {INPUT: input_shape}
        for name in self._inputs:
            self._shapes[name] = self._output_shape(name)
        self.output_shape = self._shapes[OUTPUT]
        sizes = [prod(shape) for shape in self._shapes.values()]
        self.max_activation_size, self.total_activation_size = max(sizes), sum(sizes)
        self._parametric: set[str] = set()
        for name, taken in self._inputs.items():
            if name in self.specs() or not self._parametric.isdisjoint(taken):
                self._parametric.add(name)

    def with_layers(self, layers: Mapping[str, Layer]) -> Self:
        network = super().with_layers(layers)
        network._operations = {**self._operations, **layers}
        return network

    def _output_shape(self, name: str) -> Shape:
        operation, taken = self._operations[name], self._inputs[name]
        shapes = self._shapes_of(name)
        try:
            if isinstance(operation, Merge):
                return operation.output_shape(shapes)
            return operation.output_shape(shapes[0])
        except ConfigError as error:
            raise ConfigError(f"the node {name} of {listing(taken)}: {error}") from error

    def _shapes_of(self, name: str) -> list[Shape]:
        return [self._shapes[source] for source in self._inputs[name]]

    def forward(self, params: Mapping[str, Params], x: Tensor, ctx: Context) -> tuple[Tensor, list[Any]]:
        outputs, caches = {INPUT: x}, []
        for name, operation in self._operations.items():
            taken = [outputs[source] for source in self._inputs[name]]
            if isinstance(operation, Merge):
                outputs[name] = operation.forward(taken, ctx)
            else:
                outputs[name], cache = operation.forward(params.get(name, NO_PARAMS), taken[0], ctx)
                caches.append(cache)
        return outputs[OUTPUT], caches

    def backward(
        self,
        params: Mapping[str, Params],
        dout: Tensor,
        caches: list[Any],
        grads: Mapping[str, Params],
        ctx: Context,
        *,
        need_dx: bool = False,
    ) -> Tensor | None:
        # gradients are only computed where a node, or one before it, has parameters
        wanted = {*self._inputs, INPUT} if need_dx else self._parametric
        found, cache_of = {OUTPUT: dout}, dict(zip(self.layers, caches, strict=True))
        for name in reversed(self._inputs):
            if name not in wanted:
                continue
            operation, taken, dy = self._operations[name], self._inputs[name], found.pop(name)
            parts: Sequence[Tensor | None]
            if isinstance(operation, Merge):
                parts = operation.backward(dy, self._shapes_of(name))
            else:
                mine, need = params.get(name, NO_PARAMS), taken[0] in wanted
                slots = grads.get(name, NO_PARAMS)
                parts = [operation.backward(mine, dy, cache_of[name], slots, ctx, need_dx=need)]
            for source, part in zip(taken, parts, strict=True):
                if source in wanted:
                    assert part is not None
                    found[source] = self._sum(source, found.get(source), part, ctx)
        return found.get(INPUT)

    def _sum(self, name: str, before: Tensor | None, part: Tensor, ctx: Context) -> Tensor:
        """Add what one more consumer passes back; into a buffer, since parts may share memory."""
        if before is None:
            return part
        return torch.add(before, part, out=ctx.buffer(self, name, tuple(part.shape), part))


def _inputs_of(nodes: Mapping[str, Node]) -> dict[str, Sequence[str]]:
    """Node -> what it takes, checked for how many."""
    for name, node in nodes.items():
        taken = listing(node.inputs)
        if isinstance(node.operation, Merge) and len(node.inputs) == 1:
            raise ConfigError(f"the node {name} merges two or more inputs, got only {taken}")
        if isinstance(node.operation, Layer) and len(node.inputs) > 1:
            raise ConfigError(f"the node {name} takes one input, got {taken}: merge them by add or concat")
    return {name: node.inputs for name, node in nodes.items()}
