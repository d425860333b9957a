"""Which callbacks a run gets.

A callback stands in a file of its own in this package, beside a function that makes it:

    @register()
    def gradient_noise(setup: RunSetup) -> Callback | None:
        return GradientNoise(setup.folder) if setup.config.tracking.tensorboard else None

Every module of the package is imported, so no list of callbacks has to be changed.
"""

import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from importlib import import_module
from pathlib import Path

from dlhw.config.root import TrainConfig
from dlhw.training.callbacks import Callback


@dataclass(frozen=True)
class RunSetup:
    """What a callback is made from.

    Args:
        config: of the run.
        folder: of the run; exists.
        is_shown: whether the console shows this run; of runs that train together, it is the first.
        num_runs: number of runs that train together.
    """

    config: TrainConfig
    folder: Path
    is_shown: bool = True
    num_runs: int = 1


class CallOrder(IntEnum):
    """When a callback is called, relative to the others."""

    record = 0
    """during training: a run that resumes from a checkpoint finds everything recorded up to it"""
    checkpoint = 1
    result = 2
    """files of the end"""
    summary = 3
    """says that the run has ended, so every other file is written before"""
    display = 4


Factory = Callable[[RunSetup], Callback | None]
_factories: dict[str, tuple[CallOrder, Factory]] = {}


def register(order: CallOrder = CallOrder.record) -> Callable[[Factory], Factory]:
    """Decorator for a function that makes the callback of a run, or returns None if the config excludes it.

    Args:
        order: when the callback is called; callbacks of the same order are called by name.
    """

    def add(factory: Factory) -> Factory:
        assert factory.__name__ not in _factories, f"two callbacks are named {factory.__name__}"
        _factories[factory.__name__] = (order, factory)
        return factory

    return add


@cache
def registered() -> dict[str, Factory]:
    """All callbacks by name, in the order in which they are called."""
    package = import_module(__package__)
    for module in pkgutil.iter_modules(package.__path__):
        import_module(f"{package.__name__}.{module.name}")
    ordered = sorted(_factories, key=lambda name: (_factories[name][0], name))
    return {name: _factories[name][1] for name in ordered}


def build_callbacks(setup: RunSetup) -> list[Callback]:
    """Make the callbacks of one run, in the order in which they are called."""
    callbacks = [factory(setup) for factory in registered().values()]
    return [callback for callback in callbacks if callback is not None]
