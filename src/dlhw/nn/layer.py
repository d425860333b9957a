"""Base of all layers: their parameters, and the buffers and random numbers that a pass may use."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any, ClassVar

import torch
from torch import Tensor

Uniform = Callable[[Sequence[int]], Tensor]

# Elements to which every run's slice is aligned (64 bytes in float32). How a matrix product rounds depends on
# the alignment of its operands, and a run's bits must not depend on the runs that lie before it in memory.
ALIGNMENT = 16


def aligned_empty(shape: tuple[int, ...], like: Tensor) -> Tensor:
    """An uninitialised tensor (R, …) whose run slices are contiguous and aligned.

    >>> aligned_empty((3, 5), torch.zeros(())).stride()
    (16, 1)
    """
    count = prod(shape[1:])
    step = -(-count // ALIGNMENT) * ALIGNMENT
    return like.new_empty(shape[0], step)[:, :count].view(shape)


def is_aligned(tensor: Tensor) -> bool:
    """Whether the slice of every run is aligned."""
    return tensor.shape[0] == 1 or tensor.stride(0) % ALIGNMENT == 0


class Workspace:
    """Buffers that are allocated once and overwritten at every step.

    Fresh memory for large tensors costs page faults at every step. With `reuse=False` there are no buffers
    and torch allocates: autograd needs tensors that nobody overwrites.
    """

    def __init__(self, *, reuse: bool) -> None:
        self.reuse = reuse
        self._buffers: dict[tuple[int, str, tuple[int, ...]], Tensor] = {}

    def buffer(self, owner: object, name: str, shape: tuple[int, ...], like: Tensor) -> Tensor | None:
        """The buffer `name` of `owner`, uninitialised at its first use; None without reuse.

        A buffer of the shape of `like` also has its memory order, so that elementwise layers after a
        convolution write in the order in which they read.
        """
        if not self.reuse:
            return None
        key = (id(owner), name, shape)
        buffer = self._buffers.get(key)
        if buffer is None:
            is_permuted = shape == tuple(like.shape) and not like[0].is_contiguous()
            buffer = torch.empty_like(like) if is_permuted else aligned_empty(shape, like)
            self._buffers[key] = buffer
        return buffer

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
    """What a forward or backward pass may use besides its arguments.

    Args:
        training: whether dropout is active.
        workspace: where outputs are written.
        uniform: shape without the run axis -> uniform numbers in [0, 1) of shape (S, *shape), for dropout.
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
    """Specification of a layer's parameter.

    Args:
        shape: without the run axis.
        fan_in: number of inputs that one unit sums over; initialisers scale by it.
        fan_out: number of units that one input feeds.
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
    """Base of layers: stateless maps from (S, N, *in) to (R, N, *out), with `backward` below `forward`.

    S is 1 for data that all runs share, else R. A layer of your own needs `forward` and `backward`; one with
    parameters also needs `specs`, and one that changes shapes `output_shape`.

    >>> class Double(Layer):
    ...     def forward(self, params, x, ctx):
    ...         return 2 * x, None
    ...     def backward(self, params, dout, cache, grads, ctx, *, need_dx):
    ...         return 2 * dout
    >>> Double().forward({}, torch.ones(1, 1, 2), Context())[0].tolist()
    [[[2.0, 2.0]]]
    """

    is_threshold: ClassVar[bool] = False
    """whether the output is constant apart from jumps, so that every gradient before it is zero"""
    is_stochastic: ClassVar[bool] = False
    """whether a training pass draws random numbers"""

    def specs(self) -> dict[str, ParameterSpec]:
        """Parameter name -> its specification; empty for layers without parameters."""
        return {}

    def output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Shape of one output, without run and batch axis.

        Raises:
            ConfigError: if the layer cannot take inputs of this shape.
        """
        return input_shape

    @abstractmethod
    def forward(self, params: Params, x: Tensor, ctx: Context) -> tuple[Tensor, Any]:
        """Compute the output; torch operations only, so that autograd can differentiate it.

        Args:
            params: parameter name -> tensor (R, *shape).
            x: input (S, N, *in).
            ctx: buffers and random numbers.

        Returns:
            The output (R, N, *out), and a cache of what `backward` needs and nothing more.
        """

    def kink_pattern(self, cache: Any) -> Tensor | None:
        """The side of every kink on which the input fell; None for smooth layers.

        The gradient check skips a finite difference whose two sides fall on different sides of a kink.
        """
        return None

    @abstractmethod
    def backward(
        self, params: Params, dout: Tensor, cache: Any, grads: Params, ctx: Context, *, need_dx: bool
    ) -> Tensor | None:
        """Write the gradients of the parameters into `grads`, and return the gradient of the input.

        Args:
            params: the same as in `forward`.
            dout: gradient of the output, (R, N, *out).
            cache: the second result of `forward`.
            grads: parameter name -> tensor (R, *shape) that receives its gradient (overwrite it, do not add).
            ctx: the same as in `forward`.
            need_dx: False for the first layer with parameters, whose input needs no gradient. Layers without
                parameters are only called when the gradient is needed.

        Returns:
            The gradient of the input, (R, N, *in); None if not `need_dx`.
        """
