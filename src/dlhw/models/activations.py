"""The layer of each activation that a config can name."""

from dlhw.config.model_base import Activation
from dlhw.nn.activations import (
    Absolute,
    Cosine,
    Elementwise,
    Gaussian,
    Identity,
    Inverse,
    ReLU,
    Sigmoid,
    Sign,
    Sine,
    Step,
    Tanh,
)

ACTIVATIONS: dict[Activation, type[Elementwise]] = {
    Activation.sigmoid: Sigmoid,
    Activation.relu: ReLU,
    Activation.tanh: Tanh,
    Activation.identity: Identity,
    Activation.sine: Sine,
    Activation.cosine: Cosine,
    Activation.gaussian: Gaussian,
    Activation.absolute: Absolute,
    Activation.inverse: Inverse,
    Activation.step: Step,
    Activation.sign: Sign,
}
