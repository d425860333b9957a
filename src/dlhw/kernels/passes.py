"""The passes over a chain of layers that make a step, in compiled code.

A network is (address of gemm, table of its layers, number of layers); `row` is a run's parameters, `work` its
working memory (see `dlhw.kernels.abi`). A batch is (whether it is sparse, its inputs where it is not, its
lists and background where it is, see `dlhw.kernels.sparse`). A share is (which of the threads that make a
step together, how many they are, its first sample, how many are its own, see `dlhw.kernels.barrier`).
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from dlhw.kernels.abi import (
    ACTIVATION,
    AFFINE,
    BIAS,
    CONVOLUTION,
    DELTA,
    FAN_IN,
    FAN_OUT,
    FILTERS,
    KIND,
    LAYER_COLUMNS,
    MAX_POOLING,
    NUM_BIASES,
    NUM_WEIGHTS,
    OUTPUT,
    SCRATCH,
    SCRATCH_SIZE,
    SIZES,
    WEIGHT,
)  # fmt: skip
from dlhw.kernels.activations import activations_of, exp32, exp64, tanh32, tanh64
from dlhw.kernels.affine import add_affine, add_biases, backward_affine, fill_biases, forward_affine
from dlhw.kernels.barrier import partition
from dlhw.kernels.convolution import add_convolution, backward_convolution, forward_convolution
from dlhw.kernels.losses import sample_loss_of
from dlhw.kernels.numba_support import compiled, offset
from dlhw.kernels.pooling import backward_pooling, forward_pooling
from dlhw.kernels.sparse import accumulate_sparse, forward_sparse
from dlhw.kernels.thresholds import SMALL_BATCH


def passes_of(real: Any) -> tuple[Callable[..., Any], ...]:
    """(forward pass, loss, backward pass, update) for np.float32 or np.float64."""
    ONE, ZERO, LARGEST = real(1), real(0), real(np.finfo(real).max)
    exp, tanh = (exp32, tanh32) if real is np.float32 else (exp64, tanh64)
    activate, differentiate = activations_of(real, exp, tanh)
    sample_loss = sample_loss_of(real, exp)

    @compiled
    def scratch_of(entry: Any, work: Any, part: int) -> Any:
        """Memory in which one of the threads computes."""
        return offset(work, entry[SCRATCH] + part * entry[SCRATCH_SIZE])

    @compiled
    def num_rows(entry: Any) -> int:
        """Of W: inputs of an affine layer, filters of a convolution."""
        return entry[FILTERS] if entry[KIND] == CONVOLUTION else entry[FAN_IN]

    @compiled
    def rows_of(entry: Any, share: Any, whole: bool) -> Any:
        """(first, one behind the last) row of W that a thread changes, and the same of the biases."""
        part, parts, rows = share[0], share[1], num_rows(entry)
        if whole:
            own = (0, rows if part == 0 else 0)
        else:
            own = (partition(rows, part, parts), partition(rows, part + 1, parts))
        if entry[NUM_BIASES] == 0:
            return own, (0, 0)
        if entry[KIND] == CONVOLUTION:
            return own, own
        return own, (0, entry[NUM_BIASES] if part == 0 else 0)

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
    def forward_pass(net: Any, row: Any, batch: Any, work: Any, share: Any) -> None:
        """Write the outputs of a share's samples, and the sums of their sizes."""
        (gemm, layers, num_layers), (is_sparse, x, lists, background) = net, batch
        part, _, first, samples = share
        below = offset(x, first * layers[FAN_IN])
        for layer in range(num_layers):
            entry = offset(layers, layer * LAYER_COLUMNS)
            h, scratch = offset(work, entry[OUTPUT] + first * entry[FAN_OUT]), scratch_of(entry, work, part)
            size = entry[SIZES] + part * num_layers
            if entry[KIND] == CONVOLUTION:
                work[size] = convolve(gemm, entry, row, below, h, scratch, samples)
                below = h
                continue
            if layer == 0 and is_sparse:
                fill_biases(entry, row, h, samples, ONE)
                w, fan_in, fan_out = offset(row, entry[WEIGHT]), entry[FAN_IN], entry[FAN_OUT]
                own = (lists[0], lists[1], lists[2], offset(lists[3], first))
                forward_sparse(own, background, w, h, scratch, samples, fan_in, fan_out, ONE)
            elif entry[KIND] == AFFINE:
                forward_affine(gemm, entry, row, below, h, scratch, samples, ONE)
            else:
                forward_pooling(entry, below, h, samples, entry[KIND] == MAX_POOLING, ONE)
            work[size] = activate(entry[ACTIVATION], h, samples * entry[FAN_OUT])
            below = h

    @compiled
    def loss_pass(
        net: Any, loss: Any, targets: Any, order: Any, work: Any, samples: int, share: Any, losses: Any
    ) -> int:
        """Write each sample's loss and the gradient of the mean loss; return how many are predicted right."""
        layers, num_layers = net[1], net[2]
        (code, factor), (labels, values) = loss, targets
        entry = offset(layers, (num_layers - 1) * LAYER_COLUMNS)
        outputs, weight, right = entry[FAN_OUT], ONE / real(samples), 0
        for n in range(share[2], share[2] + share[3]):
            z, d = offset(work, entry[OUTPUT] + n * outputs), offset(work, entry[DELTA] + n * outputs)
            target = offset(values, order[n] * outputs)
            losses[n], is_right = sample_loss(code, factor, z, labels[order[n]], target, d, outputs)
            for k in range(outputs):
                d[k] *= weight
            right += is_right
        return right

    @compiled
    def backward_pass(net: Any, row: Any, largest_x: Any, work: Any, share: Any) -> bool:
        """Write the gradients of the outputs of a share's samples; return whether the parameters' are finite,
        judged by a bound of their elements: sum|h_(l-1)| sum|d_l|, for the inputs max|x| sum|d_1|."""
        gemm, layers, num_layers = net
        part, parts, first, samples = share
        is_finite, limit = True, LARGEST / real(parts)
        for layer in range(num_layers - 1, -1, -1):
            entry = offset(layers, layer * LAYER_COLUMNS)
            place, scratch = first * entry[FAN_OUT], scratch_of(entry, work, part)
            h, d = offset(work, entry[OUTPUT] + place), offset(work, entry[DELTA] + place)
            size = differentiate(entry[ACTIVATION], h, d, samples * entry[FAN_OUT])
            bound = largest_x
            if layer > 0:
                lower = offset(layers, (layer - 1) * LAYER_COLUMNS)
                bound = work[lower[SIZES] + part * num_layers]
                place = first * lower[FAN_OUT]
                dx = offset(work, lower[DELTA] + place)
                if entry[KIND] == AFFINE:
                    backward_affine(gemm, entry, row, d, dx, scratch, samples, ONE)
                elif entry[KIND] == CONVOLUTION:
                    backward_convolution(gemm, entry, row, d, dx, scratch, samples, ONE)
                else:
                    below = offset(work, lower[OUTPUT] + place)
                    backward_pooling(entry, below, d, dx, samples, entry[KIND] == MAX_POOLING, ONE)
            is_finite = is_finite and bound * size <= limit
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
        keep: Any, scale: Any, penalties: Any, to: Any, in_place: bool, share: Any,
    ) -> None:  # fmt: skip
        """to <- keep to + scale gradient, penalty included; `in_place` says that `to` is the parameters.

        Each thread changes rows of its own in each layer, by all samples.
        """
        (gemm, layers, num_layers), (is_sparse, x, lists, background) = net, batch
        of_weights, of_biases = penalties
        below = x
        for layer in range(num_layers):
            entry = offset(layers, layer * LAYER_COLUMNS)
            d, scratch = offset(work, entry[DELTA]), scratch_of(entry, work, share[0])
            if entry[NUM_WEIGHTS] > 0:
                is_listed = layer == 0 and is_sparse
                rows, biases = rows_of(entry, share, is_listed and samples <= SMALL_BATCH)
                length = entry[NUM_WEIGHTS] // num_rows(entry)
                start, count = entry[WEIGHT] + rows[0] * length, (rows[1] - rows[0]) * length
                left = begin(offset(row, start), offset(to, start), count, keep, scale, of_weights, in_place)
                start, count = entry[BIAS] + biases[0], biases[1] - biases[0]
                of_bias = offset(to, start)
                kept, decay = begin(offset(row, start), of_bias, count, keep, scale, of_biases, in_place)
                for place in range(count):
                    of_bias[place] = kept * of_bias[place] + decay * of_bias[place]
                if entry[KIND] == CONVOLUTION:
                    add_convolution(gemm, entry, below, d, to, scratch, samples, rows, scale, left, ONE)
                elif is_listed and rows[1] > rows[0]:
                    w, fan_in, fan_out = offset(to, entry[WEIGHT]), entry[FAN_IN], entry[FAN_OUT]
                    accumulate_sparse(
                        lists, background, d, w, scratch, samples, fan_in, fan_out, rows, scale, left, ONE
                    )
                elif not is_listed:
                    add_affine(gemm, entry, below, d, to, scratch, samples, rows, scale, left, ONE)
                if entry[KIND] == AFFINE and count > 0:
                    add_biases(entry, d, to, scratch, samples, scale)
            below = offset(work, entry[OUTPUT])

    return forward_pass, loss_pass, backward_pass, update
