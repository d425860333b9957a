"""A chain of named layers."""

from collections.abc import Mapping
from copy import copy
from math import prod
from typing import Any

from torch import Tensor

from dlhw.nn.context import Context
from dlhw.nn.layer import NO_PARAMS, Layer, Params
from dlhw.nn.network import Network


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
        self.widest = self.activations = prod(shape)
        for layer in self.layers.values():
            shape = layer.output_shape(shape)
            self.widest = max(self.widest, prod(shape))
            self.activations += prod(shape)
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
