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

from dlhw.kernels.codes import ADAM, FAN_IN, FAN_OUT, LAYER_COLUMNS, PLAIN
from dlhw.kernels.intrinsics import offset
from dlhw.kernels.jit import compiled
from dlhw.kernels.passes import passes_of
from dlhw.kernels.rules import rule_of
from dlhw.kernels.shapes import FEW
from dlhw.kernels.sparse import turn_batch


def steps_of(real: Any) -> Callable[..., None]:
    """The function for np.float32 or np.float64; `dlhw.kernels.arguments` says what its arguments are."""
    ONE, ZERO, LARGEST = real(1), real(0), real(np.finfo(real).max)
    forward_pass, loss_pass, backward_pass, update = passes_of(real)
    apply = rule_of(real)

    @compiled
    def gather(inputs: Any, width: int, order: Any, count: int, to: Any) -> None:
        for n in range(count):
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
    def turn(lists: Any, order: Any, count: int, batch: int, width: int, size: int) -> None:
        """List the next `count` samples by columns, batch by batch, unless batches are small."""
        for number in range((count + batch - 1) // batch if batch > FEW else 0):
            begins = number * batch
            samples = min(batch, count - begins)
            turn_batch(*lists_of(lists, offset(order, begins), number, width, size), samples, width)

    @compiled
    def descend(
        net: Any, row: Any, of_batch: Any, work: Any, samples: int,
        rule: Any, penalties: Any, grad: Any, state: Any, stride: int, step: int, keep_gradient: bool,
    ) -> None:  # fmt: skip
        code, lr = rule[0], rule[1]
        in_place = code == PLAIN and not keep_gradient
        keep, scale, to = (ONE, -lr, row) if in_place else (ZERO, ONE, grad)
        update(net, row, of_batch, work, samples, keep, scale, penalties, to, in_place)
        if in_place:
            return
        if code != PLAIN:
            apply(rule, row, grad, state, stride, step)
            return
        for place in range(stride):
            row[place] -= lr * grad[place]

    def steps(
        params: Any, grads: Any, velocities: Any, squares: Any, stride: int, num_runs: int,
        gemm: int, layers: Any, num_layers: int,
        inputs: Any, is_listed: Any, has_background: Any, backgrounds: Any,
        starts: Any, columns: Any, entries: Any,
        turned_starts: Any, turned_rows: Any, turned_entries: Any, turned_size: int,
        input_stride: int, largest_x: Any, labels: Any, values: Any, target_stride: int,
        order: Any, order_stride: int, start: int, stop: int, batch: int, loss: int, factor: Any,
        lr: Any, rule: int, momentum: Any, beta2: Any, eps: Any, decay: Any, steps_before: int,
        slope: Any, alpha: Any, on_biases: Any,
        losses: Any, right: Any, ended: Any, work: Any, batches: Any, num_batches: int,
        is_training: int, keep_gradients: int,
    ) -> None:  # fmt: skip
        net, width = (gemm, layers, num_layers), layers[FAN_IN]
        is_shared = input_stride == 0 and order_stride == 0
        outputs = layers[(num_layers - 1) * LAYER_COLUMNS + FAN_OUT]
        lists = (starts, columns, entries, turned_starts, turned_rows, turned_entries)
        first = start
        while first < stop:
            last = min(first + num_batches * batch, stop)
            if is_shared and is_listed[0] == 0:
                gather(inputs, width, offset(order, first), last - first, batches)
            elif is_shared and is_training != 0:
                turn(lists, offset(order, first), last - first, batch, width, turned_size)
            for run in range(num_runs):
                if ended[run] >= 0:
                    continue
                row, grad = offset(params, run * stride), offset(grads, run * stride)
                state = (
                    offset(velocities, run * stride) if rule != PLAIN else grad,
                    offset(squares, run * stride) if rule == ADAM else grad,
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
                    gather(of_run, width, offset(places, first), last - first, batches)
                elif not is_shared and is_training != 0:
                    turn(own, offset(places, first), last - first, batch, width, turned_size)
                of_rule = (rule, lr[run], momentum[run], beta2[run], eps[run], decay[run])
                penalty = (slope[run], alpha[run])
                penalties = (penalty, (slope[run] * on_biases, alpha[run] * on_biases))
                begins = first
                while begins < last:
                    samples = min(batch, stop - begins)
                    x, chosen = offset(batches, (begins - first) * width), offset(places, begins)
                    own_lists = lists_of(own, chosen, (begins - first) // batch, width, turned_size)
                    of_batch = (is_sparse, x, own_lists, background)
                    forward_pass(net, row, of_batch, work, samples)
                    total, hits = loss_pass(net, (loss, factor), targets, chosen, work, samples)
                    losses[run] += total
                    right[run] += hits
                    if is_training == 0:
                        begins += samples
                        continue
                    is_finite = backward_pass(net, row, largest_x, work, samples)
                    if not (is_finite and abs(total) <= LARGEST):
                        ended[run] = begins
                        break
                    begins += samples
                    is_kept = keep_gradients != 0 and begins == stop
                    step = steps_before + 1 + (begins - samples - start) // batch
                    descend(
                        net,
                        row,
                        of_batch,
                        work,
                        samples,
                        of_rule,
                        penalties,
                        grad,
                        state,
                        stride,
                        step,
                        is_kept,
                    )
            first = last

    return steps
