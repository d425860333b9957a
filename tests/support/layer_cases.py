"""Shared by the tests of layers: passes through a layer, hand-written and by autograd, and one tolerance."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import nan
from typing import Any

import torch
from torch import Generator, Tensor

from dlhw.nn.dropout import Dropout
from dlhw.nn.layer import Context, Layer, Params, Workspace
from dlhw.nn.registry import all_layers

RUNS, BATCH = 3, 4
# Relative to the largest value of the tensor. Measured over all tests: 6.4e-16 in float64, 3.8e-7 in float32.
TOLERANCES = {torch.float64: 1e-12, torch.float32: 5e-6}


def assert_same(actual: Tensor, expected: Tensor) -> None:
    """Equal up to rounding, by the dtype's tolerance."""
    tolerance = TOLERANCES[expected.dtype]
    scale = max(1.0, float(expected.abs().max()))
    torch.testing.assert_close(actual, expected, rtol=0, atol=tolerance * scale)


def assert_all_same(actual: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    """`assert_same` for every tensor of two passes."""
    assert actual.keys() == expected.keys()
    for name in expected:
        assert_same(actual[name], expected[name])


def context(*, reuse: bool = False, training: bool = True) -> Context:
    """A pass whose uniform numbers are the same every time, for every run."""

    def uniform(shape: Any) -> Tensor:
        return torch.rand(1, *shape, generator=Generator().manual_seed(7), dtype=torch.float64)

    return Context(training=training, workspace=Workspace(reuse=reuse), uniform=uniform)


def by_hand(layer: Layer, params: Params, x: Tensor, dout: Tensor, ctx: Context) -> dict[str, Tensor]:
    """Copies of the output, of the gradient of the input and of each parameter's gradient."""
    grads = {name: torch.full_like(value, nan) for name, value in params.items()}
    with torch.no_grad():
        out, cache = layer.forward(params, x, ctx)
        out = out.clone()
        dx = layer.backward(params, dout, cache, grads, ctx, need_dx=True)
    assert dx is not None
    return {"out": out, "input": dx.clone(), **grads}


def by_autograd(layer: Layer, params: Params, x: Tensor, dout: Tensor, ctx: Context) -> dict[str, Tensor]:
    """The same, differentiating the layer's forward."""
    leaves = {name: value.clone().requires_grad_() for name, value in params.items()}
    x = x.clone().requires_grad_()
    out, _ = layer.forward(leaves, x, ctx)
    dx, *grads = torch.autograd.grad(out, [x, *leaves.values()], dout)
    return {"out": out.detach(), "input": dx, **dict(zip(leaves, grads, strict=True))}


PASSES = {"manual": by_hand, "autograd": by_autograd}


def of_run(layer: Layer, run: int) -> Layer:
    """The layer that this run would have alone."""
    return Dropout(layer.rate_R[run : run + 1]) if isinstance(layer, Dropout) else layer


def rows(tensors: Mapping[str, Tensor], keep: slice | Tensor) -> dict[str, Tensor]:
    """Some runs of every tensor."""
    return {name: value[keep] for name, value in tensors.items()}


@dataclass
class Case:
    """A layer with random parameters, inputs (R, N, *in) and a cotangent."""

    layer: Layer
    params: dict[str, Tensor]
    x: Tensor
    dout: Tensor

    def pass_through(self, ctx: Context | None = None, *, way: str = "manual") -> dict[str, Tensor]:
        """Output and gradients."""
        return PASSES[way](self.layer, self.params, self.x, self.dout, ctx or context())


def random_case(
    layer: Layer,
    input_shape: tuple[int, ...],
    *,
    batch: int = BATCH,
    seed: int = 0,
    dtype: torch.dtype = torch.float64,
) -> Case:
    """Draw everything that a layer needs for `RUNS` runs."""
    generator = Generator().manual_seed(seed)

    def randn(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)

    params = {name: randn(RUNS, *spec.shape) for name, spec in layer.specs().items()}
    x = randn(RUNS, batch, *input_shape)
    return Case(layer, params, x, randn(RUNS, batch, *layer.output_shape(input_shape)))


def registered_case(name: str) -> Case:
    """A layer of the registry."""
    example = all_layers()[name]
    return random_case(example.make(RUNS), example.input_shape)
