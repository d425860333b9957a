"""The passes over a chain of layers that make a step, in compiled code.

A network is (address of gemm, table of its layers, number of layers); `row` is a run's parameters, `work` its
working memory (see `dlhw.kernels.codes`).
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit

from dlhw.kernels.activations import activations_of
from dlhw.kernels.codes import ACTIVATION, BIAS, DELTA, FAN_IN, FAN_OUT, LAYER_COLUMNS, OUTPUT, WEIGHT
from dlhw.kernels.functions import exp32, exp64, tanh32, tanh64
from dlhw.kernels.intrinsics import offset
from dlhw.kernels.lossrows import sample_loss_of
from dlhw.kernels.products import accumulate, backward, forward

compiled = njit(error_model="numpy")
# sums of sizes may be reordered, which makes them vector instructions; NaN and infinity still show
reordered = njit(error_model="numpy", fastmath={"reassoc"})


def passes_of(real: Any) -> tuple[Callable[..., Any], ...]:
    """(forward pass, loss, backward pass, update) for np.float32 or np.float64."""
    ONE, ZERO, LARGEST = real(1), real(0), real(np.finfo(real).max)
    exp, tanh = (exp32, tanh32) if real is np.float32 else (exp64, tanh64)
    activate, differentiate = activations_of(real, exp, tanh)
    sample_loss = sample_loss_of(real, exp)

    @reordered
    def sum_of_sizes(values: Any, count: int) -> Any:
        total = ZERO
        for place in range(count):
            total += abs(values[place])
        return total

    @compiled
    def forward_pass(net: Any, row: Any, x: Any, work: Any, samples: int) -> None:
        gemm, layers, num_layers = net
        below = x
        for layer in range(num_layers):
            entry = offset(layers, layer * LAYER_COLUMNS)
            fan_in, fan_out, h = entry[FAN_IN], entry[FAN_OUT], offset(work, entry[OUTPUT])
            bias, has_bias = offset(row, entry[BIAS]), entry[BIAS] >= 0
            for n in range(samples):
                for o in range(fan_out):
                    h[n * fan_out + o] = bias[o] if has_bias else ZERO
            forward(gemm, below, offset(row, entry[WEIGHT]), h, samples, fan_in, fan_out, ONE)
            activate(entry[ACTIVATION], h, samples * fan_out)
            below = h

    @compiled
    def loss_pass(net: Any, loss: Any, targets: Any, order: Any, work: Any, samples: int) -> Any:
        """Summed loss and number of right predictions; writes the gradient of the mean loss."""
        layers, num_layers = net[1], net[2]
        (code, factor), (labels, values) = loss, targets
        entry = offset(layers, (num_layers - 1) * LAYER_COLUMNS)
        outputs, share = entry[FAN_OUT], ONE / real(samples)
        total, right = 0.0, 0
        for n in range(samples):
            z, d = offset(work, entry[OUTPUT] + n * outputs), offset(work, entry[DELTA] + n * outputs)
            target = offset(values, order[n] * outputs)
            value, is_right = sample_loss(code, factor, z, labels[order[n]], target, d, outputs)
            for k in range(outputs):
                d[k] *= share
            total += value
            right += is_right
        return total, right

    @compiled
    def backward_pass(net: Any, row: Any, largest_x: Any, work: Any, samples: int) -> bool:
        """Write the gradients of all outputs; return whether the parameters' are finite, told from a bound of
        their elements: sum|h_(l-1)| sum|d_l|, for the inputs max|x| sum|d_1|."""
        gemm, layers, num_layers = net
        is_finite = True
        for layer in range(num_layers - 1, -1, -1):
            entry = offset(layers, layer * LAYER_COLUMNS)
            fan_in, fan_out, d = entry[FAN_IN], entry[FAN_OUT], offset(work, entry[DELTA])
            differentiate(entry[ACTIVATION], offset(work, entry[OUTPUT]), d, samples * fan_out)
            bound = largest_x
            if layer > 0:
                lower = offset(layers, (layer - 1) * LAYER_COLUMNS)
                bound = sum_of_sizes(offset(work, lower[OUTPUT]), samples * fan_in)
                dx = offset(work, lower[DELTA])
                backward(gemm, d, offset(row, entry[WEIGHT]), dx, samples, fan_in, fan_out, ONE)
            is_finite = is_finite and bound * sum_of_sizes(d, samples * fan_out) <= LARGEST
        return is_finite

    @compiled
    def begin(w: Any, to: Any, count: int, keep: Any, scale: Any, penalty: Any, in_place: bool) -> Any:
        """to <- keep to + scale (slope w + alpha sign w); what is left to do of it: (keep, decay)."""
        slope, alpha = penalty
        if in_place and alpha == ZERO:
            return keep, scale * slope
        for place in range(count):
            sign = ONE if w[place] > ZERO else (-ONE if w[place] < ZERO else ZERO)
            to[place] = keep * to[place] + scale * (slope * w[place] + alpha * sign)
        return ONE, ZERO

    @compiled
    def update(
        net: Any, row: Any, x: Any, work: Any, samples: int,
        keep: Any, scale: Any, penalties: Any, to: Any, in_place: bool,
    ) -> None:  # fmt: skip
        """to <- keep to + scale gradient, penalty included; `in_place` says that `to` is the parameters."""
        gemm, layers, num_layers = net
        of_weights, of_biases = penalties
        below = x
        for layer in range(num_layers):
            entry = offset(layers, layer * LAYER_COLUMNS)
            fan_in, fan_out, d = entry[FAN_IN], entry[FAN_OUT], offset(work, entry[DELTA])
            w, target = offset(row, entry[WEIGHT]), offset(to, entry[WEIGHT])
            left = begin(w, target, fan_in * fan_out, keep, scale, of_weights, in_place)
            accumulate(gemm, below, d, target, samples, fan_in, fan_out, scale, left, ONE)
            if entry[BIAS] >= 0:
                bias, target = offset(row, entry[BIAS]), offset(to, entry[BIAS])
                kept, decay = begin(bias, target, fan_out, keep, scale, of_biases, in_place)
                for o in range(fan_out):
                    target[o] = kept * target[o] + decay * target[o]
                for n in range(samples):
                    for o in range(fan_out):
                        target[o] += scale * d[n * fan_out + o]
            below = offset(work, entry[OUTPUT])

    return forward_pass, loss_pass, backward_pass, update
