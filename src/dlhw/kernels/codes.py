"""Numbers that stand for layers, activations, update rules and losses; columns of the table of layers; places
where threads meet."""

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

# Where threads meet: how many wait, how often all have met, whether they are to give up. Each of these int64
# lies in a cache line of its own.
LINE = 8
WAITING, MEETINGS, GIVEN_UP, MEETING_SIZE = 0, LINE, 2 * LINE, 3 * LINE
