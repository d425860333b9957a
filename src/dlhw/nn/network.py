"""What chains and graphs of layers have in common."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from copy import copy
from typing import Any, Self

from torch import Tensor

from dlhw.nn.context import Context
from dlhw.nn.layer import Layer, Params, Spec


class Network(ABC):
    """Named layers; parameters are grouped by the layer's name.

    Attributes:
        layers: name -> layer, in the order of the forward pass.
        input_shape: shape of one input, without run and batch axis.
        output_shape: shape of one output.
        widest: elements of the largest activation of one sample.
        activations: elements of the input and of all layers' outputs for one sample.
    """

    layers: dict[str, Layer]
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    widest: int
    activations: int

    def specs(self) -> dict[str, dict[str, Spec]]:
        """Layer name -> parameter name -> what it is; layers without parameters are left out."""
        return {name: specs for name, layer in self.layers.items() if (specs := layer.specs())}

    @property
    def has_thresholds(self) -> bool:
        """Whether gradients may be zero because of threshold units."""
        return any(layer.is_threshold for layer in self.layers.values())

    @property
    def draws(self) -> bool:
        """Whether a training pass draws random numbers."""
        return any(layer.draws for layer in self.layers.values())

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

    def branches(self, caches: list[Any]) -> list[Tensor]:
        """Which side of every kink was taken, for all layers that have kinks."""
        taken = [layer.branches(cache) for layer, cache in zip(self.layers.values(), caches, strict=True)]
        return [branch for branch in taken if branch is not None]
