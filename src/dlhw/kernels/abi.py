"""What Python and compiled code agree on: the record of a layer, the record of a call, and codes.

Both records are numpy structured types with the layout of C structs. Python fills them in, compiled code
reads their fields by name. An address is an int64.

R runs, P padded parameters of a run, L layers, n samples of a set, I inputs, K outputs, B batch
"""

from enum import Enum, auto
from typing import Any

import numpy as np

# Update rules. ADAM is AdamW too, whose weight decay is a field of the call.
PLAIN, MOMENTUM, NESTEROV, ADAM = range(4)

# The barrier of a thread team: how many threads wait, how often all have met, whether they are to give up.
# Each of these int64 lies in a cache line of its own.
LINE = 8
WAITING, MEETINGS, GIVEN_UP, BARRIER_SIZE = 0, LINE, 2 * LINE, 3 * LINE

LAYER: np.dtype[Any] = np.dtype(
    [
        (name, np.int64)
        for name in (
            "kind",  # index in `dlhw.kernels.layer_table.LAYERS`
            "fan_in",  # numbers of a sample that come in
            "fan_out",  # and that go out
            "activation",  # after it: index in `dlhw.kernels.layer_table.ACTIVATIONS`
            "weight",  # offset of its weights in a run's parameters
            "num_weights",  # 0 where it has none
            "bias",  # offset of its biases
            "num_biases",  # 0 where it has none
            "num_rows",  # of its weights; the threads of a team share them
            "has_row_biases",  # whether each row of the weights has a bias of its own
            "output",  # offset of its outputs in the working memory
            "delta",  # offset of the gradients of its outputs
            "sizes",  # offset of the sum of its outputs' absolute values
            "scratch",  # offset of memory that a layer may use while it computes, the same for all
            "scratch_size",  # of each thread
            "channels",  # of images, and so all that follow
            "height",
            "width",
            "filters",
            "kernel",
            "stride",
            "padding",
            "out_height",
            "out_width",
        )
    ],
    align=True,
)


class Kind(Enum):
    """Types of the fields of a call; `real` is float32 or float64, plurals are addresses."""

    real = auto()
    integer = auto()
    reals = auto()
    integers = auto()
    shorts = auto()  # int32
    doubles = auto()
    layers = auto()  # records of type LAYER


CALL: dict[str, Kind] = {
    # parameters
    "params": Kind.reals,  # (R, P), changed in place
    "grads": Kind.reals,  # (R, P), written by the last step if keep_gradients
    "stride": Kind.integer,  # P
    "num_runs": Kind.integer,  # R
    # network
    "gemm": Kind.integer,  # address of BLAS's ?gemm
    "layers": Kind.layers,  # (L,)
    "num_layers": Kind.integer,  # L
    "work": Kind.reals,  # outputs and their gradients of one batch
    # samples
    "inputs": Kind.reals,  # (R or 1, n, I)
    "input_stride": Kind.integer,  # n, or 0 where all runs share one set
    "largest_x": Kind.real,  # max|x| over all inputs
    "labels": Kind.integers,  # (R or 1, n) for classes
    "values": Kind.reals,  # (R or 1, n, K) for regression
    "target_stride": Kind.integer,  # n, or 0
    # the same inputs in sparse form, see `dlhw.kernels.sparse`
    "is_listed": Kind.integers,  # (R or 1): whether the lists are used, and not the inputs
    "has_background": Kind.integers,  # (R or 1): whether the background of a listed set is not 0
    "backgrounds": Kind.reals,  # (R or 1, I), of listed sets
    "starts": Kind.integers,  # ((R or 1) n + 1)
    "columns": Kind.shorts,  # (inputs that differ from their background)
    "entries": Kind.reals,  # (the same): by how much
    "csc_starts": Kind.integers,  # (num_batches, I + 1): batches listed by columns
    "csc_rows": Kind.shorts,  # (num_batches, csc_size)
    "csc_entries": Kind.reals,  # (num_batches, csc_size)
    "csc_size": Kind.integer,  # most inputs of a batch that differ
    # batches
    "order": Kind.integers,  # (R or 1, length of an epoch): indices of the samples
    "order_stride": Kind.integer,  # length of an epoch, or 0
    "start": Kind.integer,  # first position in the order that is trained on
    "stop": Kind.integer,  # one past the last
    "batch": Kind.integer,  # B
    "batches": Kind.reals,  # (num_batches B, I): inputs gathered at once
    "num_batches": Kind.integer,
    # loss
    "loss": Kind.integer,  # index in `dlhw.kernels.layer_table.LOSSES`
    "factor": Kind.real,  # of squared errors
    # update
    "lr": Kind.reals,  # (R,)
    "rule": Kind.integer,  # code
    "velocities": Kind.reals,  # (R, P), changed in place: of momentum, or Adam's m
    "squares": Kind.reals,  # (R, P), changed in place: Adam's v
    "momentum": Kind.reals,  # (R,): or Adam's beta1
    "beta2": Kind.reals,  # (R,)
    "eps": Kind.reals,  # (R,)
    "decay": Kind.reals,  # (R,): before Adam's step w becomes (1 - lr decay) w
    "steps_before": Kind.integer,  # updates made before, in all epochs
    "slope": Kind.reals,  # (R,): L2 adds slope w to a gradient
    "alpha": Kind.reals,  # (R,): L1 adds alpha sign(w)
    "on_biases": Kind.real,  # 1 where penalties apply to biases too, else 0
    "is_training": Kind.integer,  # 0: losses and correct predictions are only counted
    "keep_gradients": Kind.integer,  # whether the last step writes grads
    # results
    "losses": Kind.doubles,  # (R,): the sum of the samples' losses is added
    "correct": Kind.integers,  # (R,): the number of correct predictions is added
    "diverged_at": Kind.integers,  # (R,): -1, or the position at which loss or gradient was not finite
    # threads
    "partials": Kind.doubles,  # partial results of the threads, see `dlhw.kernels.barrier`
    "barrier": Kind.integers,  # (BARRIER_SIZE,)
    "parts": Kind.integer,  # number of threads that make the same steps together
}


def call_type(real: type[np.floating[Any]]) -> np.dtype[Any]:
    """The record of a call for np.float32 or np.float64."""
    return np.dtype(
        [(name, real if kind is Kind.real else np.int64) for name, kind in CALL.items()], align=True
    )
