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
        """Layer name -> parameter name -> its specification; layers without parameters are left out."""
        return {name: specs for name, layer in self.layers.items() if (specs := layer.specs())}

    @property
    def has_thresholds(self) -> bool:
        """Whether gradients may be zero because the network has threshold units."""
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
        """A copy of the network with other layers of the same names and shapes."""
        network = copy(self)
        network.layers = dict(layers)
        return network

    def kink_pattern(self, caches: list[Any]) -> list[Tensor]:
        """The side of every kink on which the inputs fell, for all layers that have kinks."""
        patterns = [
            layer.kink_pattern(cache) for layer, cache in zip(self.layers.values(), caches, strict=True)
        ]
        return [pattern for pattern in patterns if pattern is not None]


class Sequential(Network):
    """Chain of layers; parameters are grouped by the layer's name.

    y = f_L(… f_2(f_1(x)))        dy_(l-1) = (df_l/dy_(l-1))^T dy_l

    Args:
        layers: name -> layer, in the order of the forward pass.
        input_shape: shape of one input, without run and batch axis.

    Raises:
        ConfigError: if the shapes of two neighbours do not fit.

    >>> from dlhw.nn.linear import Affine
    >>> Sequential({"fc1": Affine(4, 3), "fc2": Affine(3, 2)}, (4,)).output_shape
    (2,)
    """

    def __init__(self, layers: Mapping[str, Layer], input_shape: tuple[int, ...]) -> None:
        # copies, because buffers belong to a layer object and the caller may use one object twice
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
        # an input needs a gradient only if a layer before it has parameters
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
    """One operation of a graph and the nodes it takes its inputs from.

    Args:
        operation: a layer (takes one input) or a merge (takes two or more).
        inputs: names of the nodes whose outputs it takes; `input` is the input of the graph.
    """

    operation: Layer | Merge
    inputs: Sequence[str]


class Graph(Network):
    """Named nodes, computed in topological order; the node `output` gives the output.

    y_v = f_v(y_u for u in inputs of v)        dy_u = sum over consumers v of (df_v/dy_u)^T dy_v

    Args:
        nodes: name -> node, in any order.
        input_shape: shape of one input, without run and batch axis.

    Raises:
        ConfigError: if there is a cycle, or a node is missing, unused, or does not fit its inputs.

    >>> from dlhw.nn.linear import Affine
    >>> from dlhw.nn.shape import Add
    >>> nodes = {"fc": Node(Affine(3, 3), ["input"]), "output": Node(Add(), ["input", "fc"])}
    >>> Graph(nodes, (3,)).output_shape  # a skip connection
    (3,)
    """

    def __init__(self, nodes: Mapping[str, Node], input_shape: Shape) -> None:
        self._inputs = {name: nodes[name].inputs for name in in_order(_inputs_of(nodes))}
        # copies, because buffers belong to an object and the caller may use one object twice
        self._operations = {name: copy(nodes[name].operation) for name in self._inputs}
        self.layers = {
            name: operation for name, operation in self._operations.items() if isinstance(operation, Layer)
        }
        self.input_shape = input_shape
        self._shapes = {INPUT: input_shape}
        for name in self._inputs:
            self._shapes[name] = self._output_shape(name)
        self.output_shape = self._shapes[OUTPUT]
        sizes = [prod(shape) for shape in self._shapes.values()]
        self.max_activation_size, self.total_activation_size = max(sizes), sum(sizes)
        self._parametric: set[str] = set()
        for name, sources in self._inputs.items():
            if name in self.specs() or not self._parametric.isdisjoint(sources):
                self._parametric.add(name)

    def with_layers(self, layers: Mapping[str, Layer]) -> Self:
        network = super().with_layers(layers)
        network._operations = {**self._operations, **layers}
        return network

    def _output_shape(self, name: str) -> Shape:
        operation, sources = self._operations[name], self._inputs[name]
        shapes = self._shapes_of(name)
        try:
            if isinstance(operation, Merge):
                return operation.output_shape(shapes)
            return operation.output_shape(shapes[0])
        except ConfigError as error:
            raise ConfigError(f"the node {name} of {listing(sources)}: {error}") from error

    def _shapes_of(self, name: str) -> list[Shape]:
        return [self._shapes[source] for source in self._inputs[name]]

    def forward(self, params: Mapping[str, Params], x: Tensor, ctx: Context) -> tuple[Tensor, list[Any]]:
        outputs, caches = {INPUT: x}, []
        for name, operation in self._operations.items():
            inputs = [outputs[source] for source in self._inputs[name]]
            if isinstance(operation, Merge):
                outputs[name] = operation.forward(inputs, ctx)
            else:
                outputs[name], cache = operation.forward(params.get(name, NO_PARAMS), inputs[0], ctx)
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
        # a node's output needs a gradient only if the node, or one before it, has parameters
        needed = {*self._inputs, INPUT} if need_dx else self._parametric
        dy_of, cache_of = {OUTPUT: dout}, dict(zip(self.layers, caches, strict=True))
        for name in reversed(self._inputs):
            if name not in needed:
                continue
            operation, sources, dy = self._operations[name], self._inputs[name], dy_of.pop(name)
            gradients: Sequence[Tensor | None]
            if isinstance(operation, Merge):
                gradients = operation.backward(dy, self._shapes_of(name))
            else:
                own_params, own_grads = params.get(name, NO_PARAMS), grads.get(name, NO_PARAMS)
                need = sources[0] in needed
                gradients = [operation.backward(own_params, dy, cache_of[name], own_grads, ctx, need_dx=need)]
            for source, gradient in zip(sources, gradients, strict=True):
                if source in needed:
                    assert gradient is not None
                    dy_of[source] = self._sum(source, dy_of.get(source), gradient, ctx)
        return dy_of.get(INPUT)

    def _sum(self, name: str, total: Tensor | None, gradient: Tensor, ctx: Context) -> Tensor:
        """Add the gradient from one more consumer; into a buffer, since gradients may share memory."""
        if total is None:
            return gradient
        return torch.add(total, gradient, out=ctx.buffer(self, name, tuple(gradient.shape), gradient))


def _inputs_of(nodes: Mapping[str, Node]) -> dict[str, Sequence[str]]:
    """Node -> its inputs.

    Raises:
        ConfigError: if a merge has one input, or a layer several.
    """
    for name, node in nodes.items():
        sources = listing(node.inputs)
        if isinstance(node.operation, Merge) and len(node.inputs) == 1:
            raise ConfigError(f"the node {name} merges two or more inputs, got only {sources}")
        if isinstance(node.operation, Layer) and len(node.inputs) > 1:
            raise ConfigError(f"the node {name} takes one input, got {sources}: merge them by add or concat")
    return {name: node.inputs for name, node in nodes.items()}
