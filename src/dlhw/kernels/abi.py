"""What Python and compiled code agree on: codes, the table of layers, and the arguments of a call."""

from enum import Enum, auto

AFFINE, CONVOLUTION, MAX_POOLING, AVERAGE_POOLING = range(4)
IDENTITY, SIGMOID, TANH, RELU = range(4)
PLAIN, MOMENTUM, NESTEROV, ADAM = range(4)
CROSS_ENTROPY, PERCEPTRON, BINARY_CROSS_ENTROPY, BINARY_SQUARED_ERROR, SQUARED_ERROR = range(5)

COLUMNS = (
    "KIND",  # of the layer
    "FAN_IN",  # numbers of a sample that come in
    "FAN_OUT",  # and that go out
    "ACTIVATION",  # after it
    "WEIGHT",  # where its weights lie in a run's parameters
    "NUM_WEIGHTS",  # 0 where it has none
    "BIAS",  # where its bias lies
    "NUM_BIASES",  # 0 where it has none
    "OUTPUT",  # where its outputs lie in the working memory
    "DELTA",  # where the gradients of its outputs lie
    "SIZES",  # where the sum of its outputs' sizes lies
    "SCRATCH",  # memory that a layer may use while it computes, the same for all
    "SCRATCH_SIZE",  # of each thread
    "CHANNELS",  # of images, and so all that follow
    "HEIGHT",
    "WIDTH",
    "FILTERS",
    "KERNEL",
    "STRIDE",
    "PADDING",
    "OUT_HEIGHT",
    "OUT_WIDTH",
)
(
    KIND, FAN_IN, FAN_OUT, ACTIVATION, WEIGHT, NUM_WEIGHTS, BIAS, NUM_BIASES, OUTPUT, DELTA, SIZES, SCRATCH,
    SCRATCH_SIZE, CHANNELS, HEIGHT, WIDTH, FILTERS, KERNEL, STRIDE, PADDING, OUT_HEIGHT, OUT_WIDTH,
) = range(len(COLUMNS))  # fmt: skip
LAYER_COLUMNS = len(COLUMNS)

# The barrier of a team: how many threads wait, how often all have met, whether they are to give up. Each of
# these int64 lies in a cache line of its own.
LINE = 8
WAITING, MEETINGS, GIVEN_UP, MEETING_SIZE = 0, LINE, 2 * LINE, 3 * LINE


class Kind(Enum):
    """Types that both sides agree on; `real` is float32 or float64, `shorts` are int32."""

    real = auto()
    integer = auto()
    reals = auto()
    integers = auto()
    shorts = auto()
    doubles = auto()


# R runs, P padded parameters of a run, L layers, n samples of a set, I inputs, K outputs, B batch
ARGUMENTS: dict[str, Kind] = {
    "params": Kind.reals,  # (R, P), changed in place
    "grads": Kind.reals,  # (R, P), written by the last step if keep_gradients
    "velocities": Kind.reals,  # (R, P), changed in place: of momentum, or Adam's m
    "squares": Kind.reals,  # (R, P), changed in place: Adam's v
    "stride": Kind.integer,  # P
    "num_runs": Kind.integer,  # R
    "gemm": Kind.integer,  # address of BLAS's ?gemm
    "layers": Kind.integers,  # (L, LAYER_COLUMNS), see codes.py
    "num_layers": Kind.integer,  # L
    "inputs": Kind.reals,  # (R or 1, n, I)
    "is_listed": Kind.integers,  # (R or 1): whether the lists that follow are used, and not the inputs
    "has_background": Kind.integers,  # (R or 1): whether the background of a set that is listed is not 0
    "backgrounds": Kind.reals,  # (R or 1, I), of sets that are listed
    "starts": Kind.integers,  # ((R or 1) n + 1): see `dlhw.kernels.sparse`
    "columns": Kind.shorts,  # (inputs that differ from their background)
    "entries": Kind.reals,  # (the same): by how much
    "csc_starts": Kind.integers,  # (num_batches, I + 1): batches listed by columns
    "csc_rows": Kind.shorts,  # (num_batches, csc_size)
    "csc_entries": Kind.reals,  # (num_batches, csc_size)
    "csc_size": Kind.integer,  # most inputs of a batch that differ
    "input_stride": Kind.integer,  # n, or 0 where all runs share one set
    "largest_x": Kind.real,  # max|x| over all inputs
    "labels": Kind.integers,  # (R or 1, n) for classes
    "values": Kind.reals,  # (R or 1, n, K) for regression
    "target_stride": Kind.integer,  # n, or 0
    "order": Kind.integers,  # (R or 1, length of an epoch): places of the samples
    "order_stride": Kind.integer,  # length of an epoch, or 0
    "start": Kind.integer,  # first place of the order that is trained on
    "stop": Kind.integer,  # one behind the last
    "batch": Kind.integer,  # B
    "loss": Kind.integer,  # code
    "factor": Kind.real,  # of squared errors
    "lr": Kind.reals,  # (R,)
    "rule": Kind.integer,  # code
    "momentum": Kind.reals,  # (R,): or Adam's beta1
    "beta2": Kind.reals,  # (R,)
    "eps": Kind.reals,  # (R,)
    "decay": Kind.reals,  # (R,): before Adam's step w becomes (1 - lr decay) w
    "steps_before": Kind.integer,  # updates made before, in all epochs
    "slope": Kind.reals,  # (R,): L2 adds slope w to a gradient
    "alpha": Kind.reals,  # (R,): L1 adds alpha sign(w)
    "on_biases": Kind.real,  # 1 where penalties fall on biases too, else 0
    "losses": Kind.doubles,  # (R,): sum of the samples' losses is added
    "right": Kind.integers,  # (R,): number of right predictions is added
    "ended": Kind.integers,  # (R,): -1, or the place in the order at which loss or gradient was not finite
    "work": Kind.reals,  # outputs and their gradients of one batch
    "shared": Kind.doubles,  # partial results of the threads, see `dlhw.kernels.barrier`
    "meeting": Kind.integers,  # where they wait for each other
    "part": Kind.integer,  # which of them this call is
    "parts": Kind.integer,  # how many make the same steps together
    "batches": Kind.reals,  # (num_batches B, I): inputs gathered at once
    "num_batches": Kind.integer,
    "is_training": Kind.integer,  # 0: losses and right predictions are only counted
    "keep_gradients": Kind.integer,  # whether the last step writes grads
}
