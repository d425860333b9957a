"""Flatten images into feature vectors."""

from math import prod

from torch import Tensor

from dlhw.nn.context import Context
from dlhw.nn.layer import Layer, Params


class Flatten(Layer):
    """(S, N, ...) -> (S, N, features); the gradient takes the same way back."""

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
