"""Training steps of a chain of layers and activations, to be compiled.

`make_steps(real)` returns the function for one floating-point type. It makes steps of gradient descent for
each run of a cohort, one run after the other while its weights are in the core's cache. For affine layers:

    h_0 = x,  h_l = f_l(h_(l-1) W_l + b_l)        d_L = dloss/dh_L f_L',  d_(l-1) = (d_l W_l^T) f_(l-1)'
    g_l = h_(l-1)^T d_l + slope W_l + alpha sign(W_l)        W_l <- W_l - lr g_l, or another update rule

No step is made from a loss or gradient that is not finite: the run ends there, its parameters as they were.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from dlhw.kernels.abi import ADAM, LAYER, PLAIN
from dlhw.kernels.barrier import barrier_wait, batch_slice, partition, publish, reduce
from dlhw.kernels.numba_support import compiled, offset, pointer_to, record_at
from dlhw.kernels.passes import BatchInputs, LayerChain, RunPenalty, make_passes
from dlhw.kernels.sparse import BackgroundVector, BatchLists, build_csc
from dlhw.kernels.thresholds import SMALL_BATCH
from dlhw.kernels.update_rules import RunUpdate, update_function


class RunMemory(NamedTuple):
    """Where the numbers of one run begin: parameters, gradient, and the optimizer's state."""

    row: Any
    grad: Any
    velocity: Any
    square: Any


def make_steps(real: Any) -> Callable[..., None]:
    """Return steps(calls, part) for np.float32 or np.float64.

    `calls` is a pointer to a record of `dlhw.kernels.abi.CALL`, `part` the number of the thread that calls.
    """
    ONE, ZERO, LARGEST = real(1), real(0), real(np.finfo(real).max)
    reals, doubles = pointer_to(real), pointer_to(np.float64)
    integers, shorts, layers = pointer_to(np.int64), pointer_to(np.int32), pointer_to(LAYER)
    passes = make_passes(real)
    forward_pass, loss_pass = passes.forward, passes.loss
    backward_pass, update_pass = passes.backward, passes.update
    apply_update = update_function(real)

    @compiled
    def width_of(call: Any) -> int:
        """Return I, the number of inputs."""
        return record_at(layers(call.layers), 0).fan_in

    @compiled
    def set_of(call: Any, run: int) -> int:
        """Return the index of a run's data set."""
        return run if call.input_stride > 0 else 0

    @compiled
    def lists_of(call: Any, run: int, order: Any, number: int) -> Any:
        """Return the lists of the batch of this number, whose samples `order` begins with."""
        return BatchLists(
            offset(integers(call.starts), run * call.input_stride),
            shorts(call.columns),
            reals(call.entries),
            order,
            offset(integers(call.csc_starts), number * (width_of(call) + 1)),
            offset(shorts(call.csc_rows), number * call.csc_size),
            offset(reals(call.csc_entries), number * call.csc_size),
        )

    @compiled
    def gather(inputs: Any, width: int, order: Any, first: int, last: int, to: Any) -> None:
        """Copy the inputs of some of the samples that `order` names, one after the other."""
        for n in range(first, last):
            source, target = offset(inputs, order[n] * width), offset(to, n * width)
            for i in range(width):
                target[i] = source[i]

    @compiled
    def prepare(call: Any, run: int, first: int, last: int, part: int) -> None:
        """Gather the inputs of the next batches, or list them by columns; each thread does some of it."""
        order, count = offset(integers(call.order), run * call.order_stride + first), last - first
        width = width_of(call)
        if integers(call.is_listed)[set_of(call, run)] == 0:
            own_first, own_last = partition(count, part, call.parts), partition(count, part + 1, call.parts)
            inputs = offset(reals(call.inputs), run * call.input_stride * width)
            gather(inputs, width, order, own_first, own_last, reals(call.batches))
        elif call.is_training != 0 and call.batch > SMALL_BATCH:  # small ones are not listed by columns
            for number in range(part, (count + call.batch - 1) // call.batch, call.parts):
                start = number * call.batch
                samples = min(call.batch, count - start)
                build_csc(lists_of(call, run, offset(order, start), number), samples, width)

    @compiled
    def inputs_of(call: Any, run: int, order: Any, start: int, number: int) -> Any:
        """Return the inputs of the batch of this number, which begins at `start` among those prepared."""
        index, width = set_of(call, run), width_of(call)
        return BatchInputs(
            integers(call.is_listed)[index] != 0,
            offset(reals(call.batches), start * width),
            lists_of(call, run, order, number),
            BackgroundVector(
                integers(call.has_background)[index] != 0, offset(reals(call.backgrounds), index * width)
            ),
        )

    @compiled
    def update_of(call: Any, run: int) -> Any:
        """Return how a run is updated."""
        momentum, rule = reals(call.momentum)[run], call.rule
        # a run without momentum makes the step that it makes alone, which rounds differently
        if rule != ADAM and momentum == 0:
            rule = PLAIN
        return RunUpdate(
            rule,
            reals(call.lr)[run],
            momentum,
            reals(call.beta2)[run],
            reals(call.eps)[run],
            reals(call.decay)[run],
        )

    @compiled
    def memory_of(call: Any, run: int, rule: int) -> Any:
        """Return a run's memory; what its rule does not use is its gradient."""
        start = run * call.stride
        grad = offset(reals(call.grads), start)
        return RunMemory(
            offset(reals(call.params), start),
            grad,
            offset(reals(call.velocities), start) if rule != PLAIN else grad,
            offset(reals(call.squares), start) if rule == ADAM else grad,
        )

    @compiled
    def descend(
        call: Any, run: int, net: Any, memory: Any, inputs: Any, samples: int, update: Any, step: int,
        keep_gradient: bool, own: Any,
    ) -> bool:  # fmt: skip
        """Change the parameters, each thread its share of them; False if the threads are to give up."""
        row, grad, velocity, square = memory
        slope, alpha = reals(call.slope)[run], reals(call.alpha)[run]
        on_weights = RunPenalty(slope, alpha)
        on_biases = RunPenalty(slope * call.on_biases, alpha * call.on_biases)
        work, barrier = reals(call.work), integers(call.barrier)
        if update.rule == PLAIN and not keep_gradient:
            update_pass(
                net, row, inputs, work, samples, ONE, -update.lr, on_weights, on_biases, row, True, own
            )
            return barrier_wait(barrier, own.parts)
        update_pass(net, row, inputs, work, samples, ZERO, ONE, on_weights, on_biases, grad, False, own)
        if not barrier_wait(barrier, own.parts):
            return False
        first = partition(call.stride, own.part, own.parts)
        count = partition(call.stride, own.part + 1, own.parts) - first
        apply_update(
            update.rule, update, offset(row, first), offset(grad, first), offset(velocity, first),
            offset(square, first), count, step,
        )  # fmt: skip
        return barrier_wait(barrier, own.parts)

    @compiled
    def train_run(call: Any, run: int, first: int, last: int, part: int) -> bool:
        """Make a run's steps of the positions from first to last; False if the threads are to give up."""
        net = LayerChain(call.gemm, layers(call.layers), call.num_layers)
        order = offset(integers(call.order), run * call.order_stride)
        outputs = record_at(net.layers, net.num_layers - 1).fan_out
        labels = offset(integers(call.labels), run * call.target_stride)
        values = offset(reals(call.values), run * call.target_stride * outputs)
        work, partials, barrier = reals(call.work), doubles(call.partials), integers(call.barrier)
        batch, parts, is_training = call.batch, call.parts, call.is_training != 0
        update = update_of(call, run)
        memory = memory_of(call, run, update.rule)
        start = first
        while start < last:
            samples, chosen = min(batch, call.stop - start), offset(order, start)
            inputs = inputs_of(call, run, chosen, start - first, (start - first) // batch)
            own = batch_slice(samples, part, parts)
            forward_pass(net, memory.row, inputs, work, own)
            correct = loss_pass(
                net, call.loss, call.factor, labels, values, chosen, work, samples, own, partials
            )
            is_finite = True
            if is_training and own.samples > 0:
                is_finite = backward_pass(net, memory.row, call.largest_x, work, own)
            publish(partials, batch, part, correct, is_finite)
            if not barrier_wait(barrier, parts):
                return False
            total, correct, is_finite = reduce(partials, batch, samples, parts)
            if part == 0:
                doubles(call.losses)[run] += total
                integers(call.correct)[run] += correct
            if not is_training:
                if not barrier_wait(barrier, parts):  # what was published is overwritten next
                    return False
            elif not (is_finite and abs(total) <= LARGEST):
                if part == 0:
                    integers(call.diverged_at)[run] = start
                return barrier_wait(barrier, parts)
            else:
                step = call.steps_before + 1 + (start - call.start) // batch
                keep = call.keep_gradients != 0 and start + samples == call.stop
                if not descend(call, run, net, memory, inputs, samples, update, step, keep, own):
                    return False
            start += samples
        return True

    def steps(calls: Any, part: int) -> None:
        call = record_at(calls, 0)
        barrier, diverged_at = integers(call.barrier), integers(call.diverged_at)
        is_shared = call.input_stride == 0 and call.order_stride == 0
        first = call.start
        while first < call.stop:
            last = min(first + call.num_batches * call.batch, call.stop)
            if is_shared:
                prepare(call, 0, first, last, part)
            if not barrier_wait(barrier, call.parts):
                return
            for run in range(call.num_runs):
                if diverged_at[run] >= 0:
                    continue
                if not is_shared:
                    prepare(call, run, first, last, part)
                    if not barrier_wait(barrier, call.parts):
                        return
                if not train_run(call, run, first, last, part):
                    return
            first = last

    return steps
