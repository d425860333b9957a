"""The registries of everything that a config can choose: classes of options, and named choices of a key.

A class that derives from `Option` is one option of a config group, such as `model=mlp`. A member of a
`Choice` is one value of a key, such as `loss=cross_entropy`. Both say where their implementation is, and
everything else that depends on the option stands beside it: there is no second list anywhere.

`builder` is a string, so that the config package imports no torch, and a class attribute, so that no config
file can name what is imported.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import import_module
from typing import Any, ClassVar, Protocol

from dlhw.config.group import Group

BUILDER = re.compile(r"\w+(\.\w+)*:\w+")


@dataclass(kw_only=True)
class Option(Group):
    """Base of the options of all config groups.

    A class that derives from `Option` itself opens a group. Below it every class that sets `name` is an
    option and is registered under that name.
    """

    name: str = "???"
    """the option's name, fixed by the choice of the group's option"""

    builder: ClassVar[str] = ""
    """where the implementation is, as `module:name`"""
    options: ClassVar[dict[str, type[Any]]]
    """name -> class of every option of the group, in the order of definition"""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if Option in cls.__bases__:
            cls.options = {}
        elif "name" in vars(cls):
            _register(cls)


def _register(option: type[Option]) -> None:
    if option.name in option.options:
        raise TypeError(f"{option.__name__}: {option.options[option.name].__name__} is named {option.name}")
    if not BUILDER.fullmatch(option.builder):
        raise TypeError(f"{option.__name__}.builder must be 'module:name', got {option.builder!r}")
    option.options[option.name] = option


class Choice(StrEnum):
    """Base of enums whose members have an implementation: `relu = "relu", "dlhw.nn.activations:ReLU"`."""

    builder: str
    """where the implementation is, as `module:name`; empty for a member that stands for another one"""

    def __new__(cls, value: str, *attributes: object) -> "Choice":
        member = str.__new__(cls, value)
        member._value_ = value
        return member

    def __init__(self, value: str, builder: str = "") -> None:
        self.builder = builder


class HasBuilder(Protocol):
    """An option, its class, or a choice."""

    @property
    def builder(self) -> str:
        """Where the implementation is."""


def import_builder(option: HasBuilder | type[Option]) -> Any:
    """The class or function that implements an option; its module is imported when it is first needed.

    >>> import_builder(LossName.squared_error).__name__  # doctest: +SKIP
    'SquaredError'
    """
    return _imported(option.builder)


@cache
def _imported(builder: str) -> Any:
    module, _, name = builder.partition(":")
    return getattr(import_module(module), name)
