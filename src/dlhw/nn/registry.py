"""Every layer, by name, with examples small enough to be checked thoroughly.

The examples of a layer stand above its class. `dlhw-gradcheck --all` and the common tests cover all of them.
"""

import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import TypeVar

import dlhw.nn
from dlhw.config.model_base import Activation
from dlhw.config.registry import import_builder
from dlhw.nn.layer import Layer

ACTIVATION_SHAPE = (6,)


@dataclass(frozen=True)
class Example:
    """A layer to check.

    Args:
        input_shape: shape of one input.
        make: builds the layer for a number of runs.
    """

    input_shape: tuple[int, ...]
    make: Callable[[int], Layer]


AnyLayer = TypeVar("AnyLayer", bound=Layer)
_examples: dict[str, Example] = {}


def example(
    name: str, input_shape: tuple[int, ...], make: Callable[[int], Layer]
) -> Callable[[type[AnyLayer]], type[AnyLayer]]:
    """Register an example of the decorated layer for the common checks.

    Args:
        name: as in `dlhw-gradcheck --layer NAME`.
        input_shape: shape of one input.
        make: builds the layer for a number of runs.
    """

    def register(layer: type[AnyLayer]) -> type[AnyLayer]:
        _examples[name] = Example(input_shape, make)
        return layer

    return register


def all_layers() -> dict[str, Example]:
    """Name -> example of every layer of the package; activations are examples by themselves."""
    for module in pkgutil.iter_modules(dlhw.nn.__path__):
        import_module(f"dlhw.nn.{module.name}")
    activations = {
        activation.value: Example(ACTIVATION_SHAPE, partial(_activation, activation))
        for activation in Activation
    }
    return _examples | activations


def _activation(activation: Activation, num_runs: int) -> Layer:
    layer: Layer = import_builder(activation)()
    return layer
