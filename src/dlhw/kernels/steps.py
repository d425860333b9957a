"""Training steps of a chain of layers and activations, to be compiled.

`steps_of(real)` gives the function for one floating-point type. It makes steps of gradient descent for each
of a cohort's runs, one run after the other while its weights lie in the core's cache. For affine layers:

    h_0 = x,  h_l = f_l(h_(l-1) W_l + b_l)        d_L = dloss/dh_L f_L',  d_(l-1) = (d_l W_l^T) f_(l-1)'
    g_l = h_(l-1)^T d_l + slope W_l + alpha sign(W_l)        W_l <- W_l - lr g_l, or as the rule says

No step is made from a loss or gradient that is not finite: the run ends there, its parameters as they were.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from dlhw.kernels.abi import ADAM, FAN_IN, FAN_OUT, LAYER_COLUMNS, PLAIN
from dlhw.kernels.barrier import barrier_wait, batch_slice, partition, publish, reduce
from dlhw.kernels.numba_support import compiled, offset
from dlhw.kernels.passes import passes_of
from dlhw.kernels.sparse import build_csc
from dlhw.kernels.thresholds import SMALL_BATCH
from dlhw.kernels.update_rules import rule_of


def steps_of(real: Any) -> Callable[..., None]:
    """The function for np.float32 or np.float64; `dlhw.kernels.abi` says what its arguments are."""
    ONE, ZERO, LARGEST = real(1), real(0), real(np.finfo(real).max)
    forward_pass, loss_pass, backward_pass, update = passes_of(real)
    apply = rule_of(real)

    @compiled
    def gather(inputs: Any, width: int, order: Any, first: int, last: int, to: Any) -> None:
        for n in range(first, last):
            source, target = offset(inputs, order[n] * width), offset(to, n * width)
            for place in range(width):
                target[place] = source[place]

    @compiled
    def lists_of(lists: Any, chosen: Any, number: int, width: int, size: int) -> Any:
        """Lists of the batch of this number, of these samples."""
        starts, columns, entries, by_column, rows, values = lists
        turned = (
            offset(by_column, number * (width + 1)),
            offset(rows, number * size),
            offset(values, number * size),
        )
        return starts, columns, entries, chosen, *turned

    @compiled
    def build_batches_csc(
        lists: Any, order: Any, count: int, batch: int, width: int, size: int, part: int, parts: int
    ) -> None:
        """List the next `count` samples by columns, batch by batch, unless batches are small."""
        for number in range(part, (count + batch - 1) // batch if batch > SMALL_BATCH else 0, parts):
            begins = number * batch
            samples = min(batch, count - begins)
            build_csc(*lists_of(lists, offset(order, begins), number, width, size), samples, width)

    @compiled
    def descend(
        net: Any, row: Any, of_batch: Any, work: Any, samples: int,
        rule: Any, penalties: Any, grad: Any, state: Any, stride: int, step: int, keep_gradient: bool,
        share: Any, meeting: Any,
    ) -> bool:  # fmt: skip
        """Change the parameters, each thread those of its share; False if the threads are to give up."""
        code, lr = rule[0], rule[1]
        in_place = code == PLAIN and not keep_gradient
        keep, scale, to = (ONE, -lr, row) if in_place else (ZERO, ONE, grad)
        update(net, row, of_batch, work, samples, keep, scale, penalties, to, in_place, share)
        part, parts = share[0], share[1]
        if in_place:
            return barrier_wait(meeting, parts)
        if not barrier_wait(meeting, parts):
            return False
        first, last = partition(stride, part, parts), partition(stride, part + 1, parts)
        if code != PLAIN:
            own = (offset(state[0], first), offset(state[1], first))
            apply(rule, offset(row, first), offset(grad, first), own, last - first, step)
            return barrier_wait(meeting, parts)
        for place in range(first, last):
            row[place] -= lr * grad[place]
        return barrier_wait(meeting, parts)

    def steps(
        params: Any, grads: Any, velocities: Any, squares: Any, stride: int, num_runs: int,
        gemm: int, layers: Any, num_layers: int,
        inputs: Any, is_listed: Any, has_background: Any, backgrounds: Any,
        starts: Any, columns: Any, entries: Any,
        csc_starts: Any, csc_rows: Any, csc_entries: Any, csc_size: int,
        input_stride: int, largest_x: Any, labels: Any, values: Any, target_stride: int,
        order: Any, order_stride: int, start: int, stop: int, batch: int, loss: int, factor: Any,
        lr: Any, rule: int, momentum: Any, beta2: Any, eps: Any, decay: Any, steps_before: int,
        slope: Any, alpha: Any, on_biases: Any,
        losses: Any, right: Any, ended: Any, work: Any, shared: Any, meeting: Any, part: int, parts: int,
        batches: Any, num_batches: int,
        is_training: int, keep_gradients: int,
    ) -> None:  # fmt: skip
        net, width = (gemm, layers, num_layers), layers[FAN_IN]
        is_shared = input_stride == 0 and order_stride == 0
        outputs = layers[(num_layers - 1) * LAYER_COLUMNS + FAN_OUT]
        lists = (starts, columns, entries, csc_starts, csc_rows, csc_entries)
        first = start
        while first < stop:
            last = min(first + num_batches * batch, stop)
            count = last - first
            own_first, own_last = partition(count, part, parts), partition(count, part + 1, parts)
            if is_shared and is_listed[0] == 0:
                gather(inputs, width, offset(order, first), own_first, own_last, batches)
            elif is_shared and is_training != 0:
                build_batches_csc(lists, offset(order, first), count, batch, width, csc_size, part, parts)
            if not barrier_wait(meeting, parts):
                return
            for run in range(num_runs):
                if ended[run] >= 0:
                    continue
                row, grad = offset(params, run * stride), offset(grads, run * stride)
                # A run without momentum makes the step that it makes alone, which rounds otherwise.
                code = PLAIN if rule != ADAM and momentum[run] == 0 else rule
                state = (
                    offset(velocities, run * stride) if code != PLAIN else grad,
                    offset(squares, run * stride) if code == ADAM else grad,
                )
                places = offset(order, run * order_stride)
                own_labels = offset(labels, run * target_stride)
                targets = (own_labels, offset(values, run * target_stride * outputs))
                own = (offset(starts, run * input_stride), columns, entries, *lists[3:])
                own_set = run if input_stride > 0 else 0
                is_sparse = is_listed[own_set] != 0
                background = (has_background[own_set] != 0, offset(backgrounds, own_set * width))
                if not is_shared and not is_sparse:
                    of_run = offset(inputs, run * input_stride * width)
                    gather(of_run, width, offset(places, first), own_first, own_last, batches)
                elif not is_shared and is_training != 0:
                    build_batches_csc(own, offset(places, first), count, batch, width, csc_size, part, parts)
                if not is_shared and not barrier_wait(meeting, parts):
                    return
                of_rule = (code, lr[run], momentum[run], beta2[run], eps[run], decay[run])
                penalty = (slope[run], alpha[run])
                penalties = (penalty, (slope[run] * on_biases, alpha[run] * on_biases))
                begins = first
                while begins < last:
                    samples = min(batch, stop - begins)
                    x, chosen = offset(batches, (begins - first) * width), offset(places, begins)
                    own_lists = lists_of(own, chosen, (begins - first) // batch, width, csc_size)
                    of_batch = (is_sparse, x, own_lists, background)
                    share = batch_slice(samples, part, parts)
                    forward_pass(net, row, of_batch, work, share)
                    hits = loss_pass(net, (loss, factor), targets, chosen, work, samples, share, shared)
                    is_finite = True
                    if is_training != 0 and share[3] > 0:
                        is_finite = backward_pass(net, row, largest_x, work, share)
                    publish(shared, batch, part, hits, is_finite)
                    if not barrier_wait(meeting, parts):
                        return
                    total, hits, is_finite = reduce(shared, batch, samples, parts)
                    if part == 0:
                        losses[run] += total
                        right[run] += hits
                    begins += samples
                    if is_training == 0:
                        if not barrier_wait(meeting, parts):  # what was published is overwritten next
                            return
                        continue
                    if not (is_finite and abs(total) <= LARGEST):
                        if part == 0:
                            ended[run] = begins - samples
                        if not barrier_wait(meeting, parts):
                            return
                        break
                    is_kept = keep_gradients != 0 and begins == stop
                    step = steps_before + 1 + (begins - samples - start) // batch
                    if not descend(
                        net, row, of_batch, work, samples, of_rule, penalties, grad, state, stride, step,
                        is_kept, share, meeting,
                    ):  # fmt: skip
                        return
            first = last

    return steps
