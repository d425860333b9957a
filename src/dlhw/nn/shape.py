"""Layers that change shapes: flatten an image, merge several tensors into one."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor

from dlhw.errors import ConfigError
from dlhw.nn.layer import Context, Layer, Params
from dlhw.nn.registry import example


@example("flatten", (2, 3, 4), lambda runs: Flatten())
class Flatten(Layer):
    """Flatten images into feature vectors: (S, N, C, H, W) -> (S, N, C*H*W); dx has the shape of x again.

    >>> Flatten().forward({}, torch.zeros(1, 5, 3, 2, 2), Context())[0].shape
    torch.Size([1, 5, 12])
    """

    def output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        return (prod(input_shape),)

    def forward(self, params: Params, x: Tensor, ctx: Context) -> tuple[Tensor, tuple[int, ...]]:
        return x.flatten(2), tuple(x.shape[2:])

    def backward(
        self,
        params: Params,
        dout: Tensor,
        shape: tuple[int, ...],
        grads: Params,
        ctx: Context,
        *,
        need_dx: bool,
    ) -> Tensor:
        return dout.unflatten(2, shape)


Shape = tuple[int, ...]


class Merge(ABC):
    """Base of operations without parameters that map two or more tensors (S, N, *in) to one (R, N, *out)."""

    @abstractmethod
    def output_shape(self, input_shapes: Sequence[Shape]) -> Shape:
        """Shape of one output, without run and batch axis.

        Raises:
            ConfigError: if the inputs do not fit together.
        """

    @abstractmethod
    def forward(self, inputs: Sequence[Tensor], ctx: Context) -> Tensor:
        """Return the output."""

    @abstractmethod
    def backward(self, dout: Tensor, input_shapes: Sequence[Shape]) -> Sequence[Tensor]:
        """Return the gradient of each input; these may share memory with `dout`."""


class Add(Merge):
    """Sum of inputs of the same shape.

    y = sum_j x_j        dx_j = dout

    >>> Add().forward([torch.ones(1, 1, 2), torch.ones(1, 1, 2)], Context()).tolist()
    [[[2.0, 2.0]]]
    """

    def output_shape(self, input_shapes: Sequence[Shape]) -> Shape:
        if len(set(input_shapes)) > 1:
            raise ConfigError(f"add needs inputs of one shape, got {_listed(input_shapes)}")
        return input_shapes[0]

    def forward(self, inputs: Sequence[Tensor], ctx: Context) -> Tensor:
        first, second, *others = torch.broadcast_tensors(*inputs)
        out = torch.add(first, second, out=ctx.buffer(self, "out", tuple(first.shape), first))
        for other in others:
            out = out.add_(other)
        return out

    def backward(self, dout: Tensor, input_shapes: Sequence[Shape]) -> Sequence[Tensor]:
        return [dout] * len(input_shapes)


class Concat(Merge):
    """Concatenation along features or channels.

    y = [x_1, x_2, …]        dx_j = the slice of dout at the position of x_j

    >>> Concat().forward([torch.zeros(1, 1, 1), torch.ones(1, 1, 2)], Context()).tolist()
    [[[0.0, 1.0, 1.0]]]
    """

    def output_shape(self, input_shapes: Sequence[Shape]) -> Shape:
        if len({shape[1:] for shape in input_shapes}) > 1:
            raise ConfigError(
                "concat needs inputs that differ at most in features or channels, "
                f"got {_listed(input_shapes)}"
            )
        return (sum(shape[0] for shape in input_shapes), *input_shapes[0][1:])

    def forward(self, inputs: Sequence[Tensor], ctx: Context) -> Tensor:
        runs = max(x.shape[0] for x in inputs)
        expanded = [x.expand(runs, *x.shape[1:]) for x in inputs]
        shape = (runs, inputs[0].shape[1], *self.output_shape([tuple(x.shape[2:]) for x in inputs]))
        return torch.cat(expanded, 2, out=ctx.buffer(self, "out", shape, expanded[0]))

    def backward(self, dout: Tensor, input_shapes: Sequence[Shape]) -> Sequence[Tensor]:
        return dout.split([shape[0] for shape in input_shapes], 2)


def _listed(shapes: Sequence[Shape]) -> str:
    return " and ".join(map(str, shapes))
