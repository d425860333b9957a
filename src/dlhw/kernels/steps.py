"""Training steps of a chain of affine layers and activations, to be compiled.

`steps_of(real)` gives the function for one floating-point type. It makes steps of gradient descent for each
of a cohort's runs, one run after the other while its weights lie in the core's cache:

    h_0 = x,  h_l = f_l(h_(l-1) W_l + b_l)        d_L = dloss/dh_L f_L',  d_(l-1) = (d_l W_l^T) f_(l-1)'
    g_l = h_(l-1)^T d_l + slope W_l + alpha sign(W_l)        v_l <- momentum v_l + g_l
    W_l <- W_l - lr v_l        b_l likewise

No step is made from a loss or gradient that is not finite: the run ends there, its parameters as they were.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit

from dlhw.kernels.codes import FAN_IN, FAN_OUT, LAYER_COLUMNS
from dlhw.kernels.intrinsics import offset
from dlhw.kernels.passes import passes_of

compiled = njit(error_model="numpy")


def steps_of(real: Any) -> Callable[..., None]:
    """The function for np.float32 or np.float64; `dlhw.kernels.arguments` says what its arguments are."""
    ONE, ZERO, LARGEST = real(1), real(0), real(np.finfo(real).max)
    forward_pass, loss_pass, backward_pass, update = passes_of(real)

    @compiled
    def gather(inputs: Any, width: int, order: Any, count: int, to: Any) -> None:
        for n in range(count):
            source, target = offset(inputs, order[n] * width), offset(to, n * width)
            for place in range(width):
                target[place] = source[place]

    @compiled
    def subtract(row: Any, lr: Any, values: Any, count: int) -> None:
        for place in range(count):
            row[place] -= lr * values[place]

    @compiled
    def descend(
        net: Any, row: Any, x: Any, work: Any, samples: int,
        rates: Any, penalties: Any, velocity: Any, grad: Any, stride: int, keep_gradient: bool,
    ) -> None:  # fmt: skip
        lr, momentum, has_momentum = rates
        if keep_gradient:
            update(net, row, x, work, samples, ZERO, ONE, penalties, grad, False)
            if has_momentum:
                for place in range(stride):
                    velocity[place] = momentum * velocity[place] + grad[place]
            subtract(row, lr, velocity if has_momentum else grad, stride)
        elif has_momentum:
            update(net, row, x, work, samples, momentum, ONE, penalties, velocity, False)
            subtract(row, lr, velocity, stride)
        else:
            update(net, row, x, work, samples, ONE, -lr, penalties, row, True)

    def steps(
        params: Any, grads: Any, velocities: Any, stride: int, num_runs: int,
        gemm: int, layers: Any, num_layers: int,
        inputs: Any, input_stride: int, largest_x: Any, labels: Any, values: Any, target_stride: int,
        order: Any, order_stride: int, start: int, stop: int, batch: int, loss: int, factor: Any,
        lr: Any, momentum: Any, has_momentum: int, slope: Any, alpha: Any, on_biases: Any,
        losses: Any, right: Any, ended: Any, work: Any, batches: Any, num_batches: int, keep_gradients: int,
    ) -> None:  # fmt: skip
        net, width = (gemm, layers, num_layers), layers[FAN_IN]
        is_shared = input_stride == 0 and order_stride == 0
        outputs = layers[(num_layers - 1) * LAYER_COLUMNS + FAN_OUT]
        first = start
        while first < stop:
            last = min(first + num_batches * batch, stop)
            if is_shared:
                gather(inputs, width, offset(order, first), last - first, batches)
            for run in range(num_runs):
                if ended[run] >= 0:
                    continue
                row, grad = offset(params, run * stride), offset(grads, run * stride)
                velocity = offset(velocities, run * stride) if has_momentum else grad
                places = offset(order, run * order_stride)
                own_labels = offset(labels, run * target_stride)
                targets = (own_labels, offset(values, run * target_stride * outputs))
                if not is_shared:
                    own = offset(inputs, run * input_stride * width)
                    gather(own, width, offset(places, first), last - first, batches)
                rates, penalty = (lr[run], momentum[run], has_momentum != 0), (slope[run], alpha[run])
                penalties = (penalty, (slope[run] * on_biases, alpha[run] * on_biases))
                begins = first
                while begins < last:
                    samples = min(batch, stop - begins)
                    x, of_batch = offset(batches, (begins - first) * width), offset(places, begins)
                    forward_pass(net, row, x, work, samples)
                    total, hits = loss_pass(net, (loss, factor), targets, of_batch, work, samples)
                    losses[run] += total
                    right[run] += hits
                    is_finite = backward_pass(net, row, largest_x, work, samples)
                    if not (is_finite and abs(total) <= LARGEST):
                        ended[run] = begins
                        break
                    begins += samples
                    is_kept = keep_gradients != 0 and begins == stop
                    descend(net, row, x, work, samples, rates, penalties, velocity, grad, stride, is_kept)
            first = last

    return steps
