"""The passes over a chain of layers that make a step, in compiled code.

`row` is a run's parameters, `work` its working memory, a layer a record (see `dlhw.kernels.abi`). What a
layer computes stands in its own file, which `dlhw.kernels.layer_table.LAYERS` names.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np

from dlhw.kernels.activations import activation_functions
from dlhw.kernels.barrier import partition
from dlhw.kernels.layer_table import LAYERS, LISTED_AFFINE, LayerFunctions
from dlhw.kernels.losses import sample_loss_function
from dlhw.kernels.numba_support import compiled, offset, record_at, select
from dlhw.kernels.sparse import BatchLists
from dlhw.kernels.thresholds import SMALL_BATCH

LISTED_KIND = len(LAYERS)


class LayerChain(NamedTuple):
    """A network: address of ?gemm, records of its layers, their number."""

    gemm: Any
    layers: Any
    num_layers: Any


class BatchInputs(NamedTuple):
    """Inputs of a batch: x if they are not listed, else lists and background (see `dlhw.kernels.sparse`)."""

    is_listed: Any
    x: Any
    lists: Any
    background: Any


class RunPenalty(NamedTuple):
    """What a penalty adds to a gradient: slope w + alpha sign(w)."""

    slope: Any
    alpha: Any


class Passes(NamedTuple):
    """Compiled functions for one floating-point type; see `make_passes`."""

    forward: Callable[..., Any]
    loss: Callable[..., Any]
    backward: Callable[..., Any]
    update: Callable[..., Any]


def layer_functions(real: Any, activate: Callable[..., Any]) -> list[LayerFunctions]:
    """Import the functions of all types of layers, in the order of their codes."""
    functions = []
    for location in (*(kernel.functions for kernel in LAYERS.values()), LISTED_AFFINE):
        module, factory = location.split(":")
        functions.append(getattr(import_module(f"dlhw.kernels.{module}"), factory)(real, activate))
    return functions


def make_passes(real: Any) -> Passes:
    """Return the passes for np.float32 or np.float64."""
    ONE, ZERO, LARGEST = real(1), real(0), real(np.finfo(real).max)
    activate, differentiate = activation_functions(real)
    sample_loss = sample_loss_function(real)
    functions = layer_functions(real, activate)
    forward_layer = select([layer.forward for layer in functions])
    backward_layer = select([layer.backward for layer in functions])
    accumulate_layer = select([layer.accumulate for layer in functions])

    @compiled
    def scratch_of(layer: Any, work: Any, part: int) -> Any:
        """Return the memory in which one of the threads computes."""
        return offset(work, layer.scratch + part * layer.scratch_size)

    @compiled
    def rows_of(layer: Any, own: Any, whole: bool) -> Any:
        """Return the range of rows of W that a thread changes, and the range of biases."""
        first = partition(layer.num_rows, own.part, own.parts)
        last = partition(layer.num_rows, own.part + 1, own.parts)
        if whole:
            first, last = 0, layer.num_rows if own.part == 0 else 0
        if layer.num_biases == 0:
            return (first, last), (0, 0)
        if layer.has_row_biases != 0:
            return (first, last), (first, last)
        return (first, last), (0, layer.num_biases if own.part == 0 else 0)

    @compiled
    def forward_pass(net: Any, row: Any, inputs: Any, work: Any, own: Any) -> None:
        """Write the outputs of a slice's samples, and the sums of their absolute values."""
        lists = inputs.lists
        lists = BatchLists(
            lists.starts, lists.columns, lists.entries, offset(lists.order, own.first),
            lists.csc_starts, lists.csc_rows, lists.csc_entries,
        )  # fmt: skip
        below = offset(inputs.x, own.first * record_at(net.layers, 0).fan_in)
        for index in range(net.num_layers):
            layer = record_at(net.layers, index)
            h = offset(work, layer.output + own.first * layer.fan_out)
            scratch = scratch_of(layer, work, own.part)
            kind = LISTED_KIND if index == 0 and inputs.is_listed else layer.kind
            work[layer.sizes + own.part * net.num_layers] = forward_layer(
                kind, net.gemm, layer, row, lists, inputs.background, below, h, scratch, own.samples
            )
            below = h

    @compiled
    def loss_pass(
        net: Any, loss: int, factor: Any, labels: Any, values: Any, order: Any, work: Any, samples: int,
        own: Any, losses: Any,
    ) -> int:  # fmt: skip
        """Write each sample's loss and the gradient of the mean loss; return the correct predictions."""
        layer = record_at(net.layers, net.num_layers - 1)
        outputs, weight, correct = layer.fan_out, ONE / real(samples), 0
        for n in range(own.first, own.first + own.samples):
            z, d = offset(work, layer.output + n * outputs), offset(work, layer.delta + n * outputs)
            target = offset(values, order[n] * outputs)
            losses[n], is_correct = sample_loss(loss, factor, z, labels[order[n]], target, d, outputs)
            for k in range(outputs):
                d[k] *= weight
            correct += is_correct
        return correct

    @compiled
    def backward_pass(net: Any, row: Any, largest_x: Any, work: Any, own: Any) -> bool:
        """Write the gradients of the outputs of a slice's samples; return whether the parameters' are finite,
        judged by a bound of their elements: sum|h_(l-1)| sum|d_l|, for the inputs max|x| sum|d_1|."""
        is_finite, limit = True, LARGEST / real(own.parts)
        for index in range(net.num_layers - 1, -1, -1):
            layer = record_at(net.layers, index)
            start, scratch = own.first * layer.fan_out, scratch_of(layer, work, own.part)
            h, d = offset(work, layer.output + start), offset(work, layer.delta + start)
            size = differentiate(layer.activation, h, d, own.samples * layer.fan_out)
            bound = largest_x
            if index > 0:
                lower = record_at(net.layers, index - 1)
                bound = work[lower.sizes + own.part * net.num_layers]
                start = own.first * lower.fan_out
                x, dx = offset(work, lower.output + start), offset(work, lower.delta + start)
                backward_layer(layer.kind, net.gemm, layer, row, x, d, dx, scratch, own.samples)
            is_finite = is_finite and bound * size <= limit
        return is_finite

    @compiled
    def begin(w: Any, to: Any, count: int, keep: Any, scale: Any, penalty: Any, in_place: bool) -> Any:
        """to <- keep to + scale (slope w + alpha sign w); return the factors (keep, decay) still to apply."""
        if in_place and penalty.alpha == ZERO:
            return keep, scale * penalty.slope
        for i in range(count):
            sign = ONE if w[i] > ZERO else (-ONE if w[i] < ZERO else ZERO)
            to[i] = keep * to[i] + scale * (penalty.slope * w[i] + penalty.alpha * sign)
        return ONE, ZERO

    @compiled
    def update_pass(
        net: Any, row: Any, inputs: Any, work: Any, samples: int, keep: Any, scale: Any,
        on_weights: Any, on_biases: Any, to: Any, in_place: bool, own: Any,
    ) -> None:  # fmt: skip
        """to <- keep to + scale gradient, penalty included; `in_place` says that `to` is the parameters.

        Each thread changes rows of its own in each layer, by all samples.
        """
        below = inputs.x
        for index in range(net.num_layers):
            layer = record_at(net.layers, index)
            d, scratch = offset(work, layer.delta), scratch_of(layer, work, own.part)
            if layer.num_weights > 0:
                is_listed = index == 0 and inputs.is_listed
                rows, biases = rows_of(layer, own, is_listed and samples <= SMALL_BATCH)
                length = layer.num_weights // layer.num_rows
                start, count = layer.weight + rows[0] * length, (rows[1] - rows[0]) * length
                factors = begin(
                    offset(row, start), offset(to, start), count, keep, scale, on_weights, in_place
                )
                start, count = layer.bias + biases[0], biases[1] - biases[0]
                bias = offset(to, start)
                kept, decay = begin(offset(row, start), bias, count, keep, scale, on_biases, in_place)
                for i in range(count):
                    bias[i] = kept * bias[i] + decay * bias[i]
                accumulate_layer(
                    LISTED_KIND if is_listed else layer.kind, net.gemm, layer, inputs.lists,
                    inputs.background, below, d, to, scratch, samples, rows, biases, scale, factors,
                )  # fmt: skip
            below = offset(work, layer.output)

    return Passes(forward_pass, loss_pass, backward_pass, update_pass)
