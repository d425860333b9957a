"""Nothing that exists is left out of a registry: what is registered is what the common tests cover."""

import inspect
import pkgutil
from collections.abc import Iterator
from importlib import import_module

import dlhw.nn
from dlhw.config.loss import LossName
from dlhw.nn.faults import WatchedLayer
from dlhw.nn.layer import Layer
from dlhw.nn.losses import LOSSES, Loss
from dlhw.nn.registry import all_layers

# They pass on to a layer, and are no layer of their own.
WRAPPERS = {WatchedLayer}


def concrete_classes(base: type) -> Iterator[type]:
    """Every class defined in a module of dlhw.nn that can be instantiated and derives from `base`."""
    for module_info in pkgutil.iter_modules(dlhw.nn.__path__):
        module = import_module(f"dlhw.nn.{module_info.name}")
        for _, member in inspect.getmembers(module, inspect.isclass):
            own = member.__module__ == module.__name__
            if own and issubclass(member, base) and not inspect.isabstract(member):
                yield member


def test_every_layer_is_registered() -> None:
    assert {type(example.make(1)) for example in all_layers().values()} == set(
        concrete_classes(Layer)
    ) - WRAPPERS


def test_every_loss_is_registered() -> None:
    assert {type(loss) for loss in LOSSES.values()} == set(concrete_classes(Loss))


def test_every_name_of_a_loss_has_one_with_the_same_kind_of_targets() -> None:
    assert set(LOSSES) == set(LossName) - {LossName.auto}
    assert {name: loss.targets for name, loss in LOSSES.items()} == {name: name.targets for name in LOSSES}
