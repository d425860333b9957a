"""The affine layer in compiled code; the formulas are those of `dlhw.nn.linear`.

`entry` is the layer's row in the table, `row` a run's parameters (see `dlhw.kernels.codes`).
"""

from typing import Any

from dlhw.kernels.codes import BIAS, FAN_IN, FAN_OUT, NUM_BIASES, WEIGHT
from dlhw.kernels.intrinsics import offset
from dlhw.kernels.jit import compiled
from dlhw.kernels.products import accumulate, backward, forward, sum_rows


@compiled
def forward_affine(
    gemm: Any, entry: Any, row: Any, x: Any, h: Any, scratch: Any, samples: int, one: Any
) -> None:
    """h <- x W + b"""
    fill_biases(entry, row, h, samples, one)
    w = offset(row, entry[WEIGHT])
    forward(gemm, x, w, h, scratch, samples, entry[FAN_IN], entry[FAN_OUT], one)


@compiled
def fill_biases(entry: Any, row: Any, h: Any, samples: int, one: Any) -> None:
    """h <- b, or 0 where there is none, for each sample."""
    fan_out, bias = entry[FAN_OUT], offset(row, entry[BIAS])
    for n in range(samples):
        for o in range(fan_out):
            h[n * fan_out + o] = bias[o] if entry[NUM_BIASES] > 0 else one - one


@compiled
def backward_affine(
    gemm: Any, entry: Any, row: Any, d: Any, dx: Any, scratch: Any, samples: int, one: Any
) -> None:
    """dx <- d W^T"""
    w = offset(row, entry[WEIGHT])
    backward(gemm, d, w, dx, scratch, samples, entry[FAN_IN], entry[FAN_OUT], one)


@compiled
def add_affine(
    gemm: Any, entry: Any, x: Any, d: Any, to: Any, scratch: Any, samples: int, rows: Any, scale: Any,
    factors: Any, one: Any,
) -> None:  # fmt: skip
    """W <- keep W + decay W + scale x^T d, of some rows."""
    w = offset(to, entry[WEIGHT])
    accumulate(gemm, x, d, w, scratch, samples, entry[FAN_IN], entry[FAN_OUT], rows, scale, factors, one)


@compiled
def add_biases(entry: Any, d: Any, to: Any, scratch: Any, samples: int, scale: Any) -> None:
    """b <- b + scale sum_n d"""
    fan_out, bias = entry[FAN_OUT], offset(to, entry[BIAS])
    if entry[NUM_BIASES] > 0:
        sum_rows(d, scratch, samples, fan_out)
        for o in range(fan_out):
            bias[o] += scale * scratch[o]
