"""The layer of each activation that a config can name."""

from dlhw.config.model_base import Activation
from dlhw.nn.activations import Identity, ReLU, Sigmoid, Tanh
from dlhw.nn.layer import Layer
from dlhw.nn.thresholds import Sign, Step

ACTIVATIONS: dict[Activation, type[Layer]] = {
    Activation.sigmoid: Sigmoid,
    Activation.relu: ReLU,
    Activation.tanh: Tanh,
    Activation.identity: Identity,
    Activation.step: Step,
    Activation.sign: Sign,
}
