"""Base of all layers: their parameters, and the buffers and random numbers that a pass may use."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any, ClassVar

import torch
from torch import Tensor

Uniform = Callable[[Sequence[int]], Tensor]

# Elements to which the slice of every run is aligned (64 bytes in float32): matrix products round differently
# by alignment, and a run's bits must not depend on which other runs lie before it in memory.
ALIGNMENT = 16


def aligned_empty(shape: tuple[int, ...], like: Tensor) -> Tensor:
    """An uninitialised tensor (R, …) whose run slices are contiguous and start at aligned places."""
    count = prod(shape[1:])
    step = -(-count // ALIGNMENT) * ALIGNMENT
    return like.new_empty(shape[0], step)[:, :count].view(shape)


def is_aligned(tensor: Tensor) -> bool:
    """Whether the slice of every run starts at an aligned place."""
    return tensor.shape[0] == 1 or tensor.stride(0) % ALIGNMENT == 0


class Workspace:
    """Buffers made once and written again at every step.

    Fresh memory for large tensors costs page faults at every step. `reuse=False` hands out nothing, so that
    torch allocates (autograd needs tensors that nobody overwrites).
    """

    def __init__(self, *, reuse: bool) -> None:
        self.reuse = reuse
        self._buffers: dict[tuple[int, str, tuple[int, ...]], Tensor] = {}

    def buffer(self, owner: object, name: str, shape: tuple[int, ...], like: Tensor) -> Tensor | None:
        """The buffer that `owner` calls `name`, uninitialised the first time; None without reuse.

        Of the shape of `like` it also takes the order in memory, so that elementwise layers after a
        convolution write as they read.
        """
        if not self.reuse:
            return None
        key = (id(owner), name, shape)
        found = self._buffers.get(key)
        if found is None:
            permuted = shape == tuple(like.shape) and not like[0].is_contiguous()
            found = torch.empty_like(like) if permuted else aligned_empty(shape, like)
            self._buffers[key] = found
        return found

    def aligned(self, owner: object, name: str, tensor: Tensor) -> Tensor:
        """The tensor itself, or a copy in a buffer if its run slices are not aligned."""
        if not self.reuse or is_aligned(tensor):
            return tensor
        if tensor.dim() == 3 and tensor.mT[0].is_contiguous() and not tensor[0].is_contiguous():
            return self.aligned(owner, name, tensor.mT).mT
        buffer = self.buffer(owner, name, tuple(tensor.shape), tensor)
        assert buffer is not None
        return buffer.copy_(tensor)


@dataclass
class Context:
    """One kind of pass.

    Args:
        training: whether dropout is active.
        workspace: where outputs are written.
        uniform: shape without run axis -> numbers in [0, 1) of shape (S, *shape); dropout draws from it.
    """

    training: bool = False
    workspace: Workspace = field(default_factory=lambda: Workspace(reuse=False))
    uniform: Uniform | None = None

    def buffer(self, owner: object, name: str, shape: tuple[int, ...], like: Tensor) -> Tensor | None:
        """See `Workspace.buffer`."""
        return self.workspace.buffer(owner, name, shape, like)

    def aligned(self, owner: object, name: str, tensor: Tensor) -> Tensor:
        """See `Workspace.aligned`."""
        return self.workspace.aligned(owner, name, tensor)


Params = Mapping[str, Tensor]
NO_PARAMS: Params = {}


@dataclass(frozen=True)
class ParameterSpec:
    """A parameter of a layer.

    Args:
        shape: without the run axis.
        fan_in: inputs that one unit sums over; initialisers scale by it.
        fan_out: units that one input feeds.
        is_weight: whether regularizers with `on=weights` penalise it; biases are not weights.
        initial_value: numbers to start from, (R, *shape) or (1, *shape); None: an initialisation scheme draws
            them.
    """

    shape: tuple[int, ...]
    fan_in: int
    fan_out: int
    is_weight: bool
    initial_value: Tensor | None = field(default=None, compare=False)


class Layer(ABC):
    """A layer maps `(S, N, *in)` to `(R, N, *out)`; S is 1 for data that all runs share."""

    is_threshold: ClassVar[bool] = False
    # whether a training pass draws random numbers
    is_stochastic: ClassVar[bool] = False
    """whether the output jumps and is constant elsewhere, so that every gradient before it is zero"""

    def specs(self) -> dict[str, ParameterSpec]:
        """Parameter name -> what it is; empty for layers without parameters."""
        return {}

    def output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Shape of one output, without run and batch axis.

        Raises:
            ConfigError: if such inputs do not fit the layer.
        """
        return input_shape

    @abstractmethod
    def forward(self, params: Params, x: Tensor, ctx: Context) -> tuple[Tensor, Any]:
        """Return the output and what `backward` needs, nothing more.

        Made of torch operations only, so that autograd can differentiate it.
        """

    def kink_pattern(self, cache: Any) -> Tensor | None:
        """Which side of every kink the input fell on, from forward's cache; None for smooth layers."""
        return None

    @abstractmethod
    def backward(
        self, params: Params, dout: Tensor, cache: Any, grads: Params, ctx: Context, *, need_dx: bool
    ) -> Tensor | None:
        """Write the parameters' gradients into `grads`; return the input's, (R, N, *in).

        Args:
            params: as given to forward.
            dout: gradient of the output.
            cache: what forward returned beside the output.
            grads: parameter name -> where its gradient goes (overwritten, not added to).
            ctx: as given to forward.
            need_dx: False for the first layer with parameters, whose input needs no gradient; None is
                returned then. Layers without parameters are only called when the gradient is needed.
        """
