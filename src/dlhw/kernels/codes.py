"""Numbers that stand for activations and losses in compiled code, and the columns of its table of layers."""

IDENTITY, SIGMOID, TANH, RELU = range(4)
CROSS_ENTROPY, PERCEPTRON, BINARY_CROSS_ENTROPY, BINARY_SQUARED_ERROR, SQUARED_ERROR = range(5)

# Of each layer: sizes I and O, activation after it, where its weights and bias (-1: none) lie in a run's
# parameters, and where its outputs and their gradients lie in the working memory.
FAN_IN, FAN_OUT, ACTIVATION, WEIGHT, BIAS, OUTPUT, DELTA, LAYER_COLUMNS = range(8)
