"""The passes over a chain of layers that make a step, in compiled code.

A network is (address of gemm, table of its layers, number of layers); `row` is a run's parameters, `work` its
working memory (see `dlhw.kernels.codes`). A batch is (whether it is sparse, its inputs where it is not, its
lists and background where it is, see `dlhw.kernels.sparse`).
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from dlhw.kernels.activations import activations_of
from dlhw.kernels.affine import add_affine, add_biases, backward_affine, fill_biases, forward_affine
from dlhw.kernels.codes import (
    ACTIVATION,
    AFFINE,
    BIAS,
    CONVOLUTION,
    DELTA,
    FAN_IN,
    FAN_OUT,
    KIND,
    LAYER_COLUMNS,
    MAX_POOLING,
    NUM_BIASES,
    NUM_WEIGHTS,
    OUTPUT,
    SCRATCH,
    SIZES,
    WEIGHT,
)  # fmt: skip
from dlhw.kernels.convolution import add_convolution, backward_convolution, forward_convolution
from dlhw.kernels.functions import exp32, exp64, tanh32, tanh64
from dlhw.kernels.intrinsics import offset
from dlhw.kernels.jit import compiled
from dlhw.kernels.lossrows import sample_loss_of
from dlhw.kernels.pooling import backward_pooling, forward_pooling
from dlhw.kernels.sparse import accumulate_sparse, forward_sparse


def passes_of(real: Any) -> tuple[Callable[..., Any], ...]:
    """(forward pass, loss, backward pass, update) for np.float32 or np.float64."""
    ONE, ZERO, LARGEST = real(1), real(0), real(np.finfo(real).max)
    exp, tanh = (exp32, tanh32) if real is np.float32 else (exp64, tanh64)
    activate, differentiate = activations_of(real, exp, tanh)
    sample_loss = sample_loss_of(real, exp)

    @compiled
    def convolve(gemm: Any, entry: Any, row: Any, x: Any, h: Any, scratch: Any, samples: int) -> Any:
        """Convolve and activate image by image, while they lie in the core's cache; return sum|h|."""
        size = ZERO
        for n in range(samples):
            image, out = offset(x, n * entry[FAN_IN]), offset(h, n * entry[FAN_OUT])
            forward_convolution(gemm, entry, row, image, out, scratch, ONE)
            size += activate(entry[ACTIVATION], out, entry[FAN_OUT])
        return size

    @compiled
    def forward_pass(net: Any, row: Any, batch: Any, work: Any, samples: int) -> None:
        (gemm, layers, num_layers), (is_sparse, x, lists, background) = net, batch
        below = x
        for layer in range(num_layers):
            entry = offset(layers, layer * LAYER_COLUMNS)
            h, scratch = offset(work, entry[OUTPUT]), offset(work, entry[SCRATCH])
            if entry[KIND] == CONVOLUTION:
                work[entry[SIZES]] = convolve(gemm, entry, row, below, h, scratch, samples)
                below = h
                continue
            if layer == 0 and is_sparse:
                fill_biases(entry, row, h, samples, ONE)
                w, fan_in, fan_out = offset(row, entry[WEIGHT]), entry[FAN_IN], entry[FAN_OUT]
                forward_sparse(lists, background, w, h, scratch, samples, fan_in, fan_out, ONE)
            elif entry[KIND] == AFFINE:
                forward_affine(gemm, entry, row, below, h, scratch, samples, ONE)
            else:
                forward_pooling(entry, below, h, samples, entry[KIND] == MAX_POOLING, ONE)
            work[entry[SIZES]] = activate(entry[ACTIVATION], h, samples * entry[FAN_OUT])
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
            d, scratch = offset(work, entry[DELTA]), offset(work, entry[SCRATCH])
            h = offset(work, entry[OUTPUT])
            size = differentiate(entry[ACTIVATION], h, d, samples * entry[FAN_OUT])
            bound = largest_x
            if layer > 0:
                lower = offset(layers, (layer - 1) * LAYER_COLUMNS)
                bound = work[lower[SIZES]]
                dx = offset(work, lower[DELTA])
                if entry[KIND] == AFFINE:
                    backward_affine(gemm, entry, row, d, dx, scratch, samples, ONE)
                elif entry[KIND] == CONVOLUTION:
                    backward_convolution(gemm, entry, row, d, dx, scratch, samples, ONE)
                else:
                    below = offset(work, lower[OUTPUT])
                    backward_pooling(entry, below, d, dx, samples, entry[KIND] == MAX_POOLING, ONE)
            is_finite = is_finite and bound * size <= LARGEST
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
        net: Any, row: Any, batch: Any, work: Any, samples: int,
        keep: Any, scale: Any, penalties: Any, to: Any, in_place: bool,
    ) -> None:  # fmt: skip
        """to <- keep to + scale gradient, penalty included; `in_place` says that `to` is the parameters."""
        (gemm, layers, num_layers), (is_sparse, x, lists, background) = net, batch
        of_weights, of_biases = penalties
        below = x
        for layer in range(num_layers):
            entry = offset(layers, layer * LAYER_COLUMNS)
            d, scratch = offset(work, entry[DELTA]), offset(work, entry[SCRATCH])
            if entry[NUM_WEIGHTS] > 0:
                w, target, count = offset(row, entry[WEIGHT]), offset(to, entry[WEIGHT]), entry[NUM_WEIGHTS]
                left = begin(w, target, count, keep, scale, of_weights, in_place)
                bias, of_bias, count = offset(row, entry[BIAS]), offset(to, entry[BIAS]), entry[NUM_BIASES]
                kept, decay = begin(bias, of_bias, count, keep, scale, of_biases, in_place)
                for place in range(count):
                    of_bias[place] = kept * of_bias[place] + decay * of_bias[place]
                if layer == 0 and is_sparse:
                    fan_in, fan_out = entry[FAN_IN], entry[FAN_OUT]
                    accumulate_sparse(
                        lists, background, d, target, scratch, samples, fan_in, fan_out, scale, left, ONE
                    )
                    add_biases(entry, d, to, scratch, samples, scale)
                elif entry[KIND] == AFFINE:
                    add_affine(gemm, entry, below, d, to, scratch, samples, scale, left, ONE)
                else:
                    add_convolution(gemm, entry, below, d, to, scratch, samples, scale, left, ONE)
            below = offset(work, entry[OUTPUT])

    return forward_pass, loss_pass, backward_pass, update
