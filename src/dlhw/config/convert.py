"""From plain data, as YAML and JSON have it, to the dataclasses of configs, without a resolver or an object.

Values are converted as OmegaConf converts them when Hydra composes a config: `"3"` is an integer and `1` a
number, but `true` is neither; an enum is written by its name.
"""

import dataclasses
import types
import typing
from collections.abc import Mapping
from enum import Enum
from functools import cache
from typing import Any, TypeVar

from dlhw.config.group import MISSING, Group
from dlhw.config.messages import in_words, unknown_key
from dlhw.errors import ConfigError, did_you_mean

TRUE, FALSE = {"yes", "y", "on", "true", "1"}, {"no", "n", "off", "false", "0"}
CANNOT_CONVERT = (ValueError, KeyError, TypeError, OverflowError)
AnyGroup = TypeVar("AnyGroup", bound=Group)


def updated(default: AnyGroup, tree: Mapping[Any, Any], key: str = "") -> AnyGroup:
    """A copy of a config with the values that plain data has.

    Args:
        default: of the schema; its values stay where the data has none.
        tree: nested mappings and lists.
        key: dotted key of the config, for messages.

    Raises:
        ConfigError: for a key that the schema lacks, a value of another type, or one that must be given.
    """
    config = _updated(default, tree, key)
    if missing := sorted(_missing(config, key)):
        raise ConfigError("\n".join(f"{name} must be given, it has no default" for name in missing))
    return config


def _updated(default: AnyGroup, tree: Mapping[Any, Any], key: str) -> AnyGroup:
    hints = _hints(type(default))  # type: ignore[arg-type]
    values = {}
    for name, value in tree.items():
        where = f"{key}.{name}" if key else str(name)
        if name not in hints:
            raise ConfigError(unknown_key(where, type(default)))
        values[str(name)] = _converted(value, hints[name], where, getattr(default, name))
    return dataclasses.replace(default, **values)


@cache
def _hints(schema: type) -> dict[str, Any]:
    hints = typing.get_type_hints(schema)
    return {spec.name: hints[spec.name] for spec in dataclasses.fields(schema)}


def _converted(value: Any, hint: Any, key: str, default: Any = None) -> Any:
    """A value as its type hint says; `default` is what a group's own values replace."""
    if hint is Any or value == MISSING:
        return value
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        return _converted_union(value, hint, key, default)
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        if not isinstance(value, Mapping):
            raise _wrong_kind(value, hint, key)
        return _updated(default if isinstance(default, Group) else hint(), value, key)  # type: ignore[type-var]
    origin = typing.get_origin(hint) or hint
    if origin is list:
        if not isinstance(value, list | tuple):
            raise _wrong_kind(value, hint, key)
        (element,) = typing.get_args(hint) or (Any,)
        return [_converted(item, element, f"{key}[{index}]") for index, item in enumerate(value)]
    if origin is dict:
        if not isinstance(value, Mapping):
            raise _wrong_kind(value, hint, key)
        _, element = typing.get_args(hint) or (str, Any)
        given = {str(name): _converted(item, element, f"{key}.{name}") for name, item in value.items()}
        return {**(default or {}), **given}
    try:
        return _scalar(value, hint)
    except CANNOT_CONVERT:
        raise _wrong_value(value, hint, key) from None


def _converted_union(value: Any, hint: Any, key: str, default: Any) -> Any:
    """`X | None`, or a choice of scalars: of the value's own type, else the first type that takes it."""
    members = typing.get_args(hint)
    kinds = [member for member in members if member is not type(None)]
    if (value is None and len(kinds) < len(members)) or type(value) in kinds:
        return value
    if len(kinds) == 1 and (typing.get_origin(kinds[0]) or dataclasses.is_dataclass(kinds[0])):
        return _converted(value, kinds[0], key, default)
    for kind in kinds:
        try:
            return _scalar(value, kind)
        except CANNOT_CONVERT:
            continue
    raise _wrong_value(value, hint, key)


def _scalar(value: Any, hint: Any) -> Any:
    if isinstance(value, hint) and not (isinstance(value, bool) and hint is not bool):
        return value
    if value is None or isinstance(value, list | tuple | Mapping | bytes):
        raise TypeError(value)
    if issubclass(hint, Enum):
        return _member(value, hint)
    if hint is bool:
        return _truth(value)
    if hint is str:
        return str(value)
    kinds = (str, int) if hint is int else (str, int, float)
    if type(value) not in kinds:
        raise TypeError(value)
    return hint(value)


def _member(value: Any, hint: type[Enum]) -> Enum:
    if type(value) is int:
        return hint(value)
    if not isinstance(value, str):
        raise TypeError(value)
    return hint[value.removeprefix(f"{hint.__name__}.")]


def _truth(value: Any) -> bool:
    if isinstance(value, int):
        return value != 0
    word = str(value).lower()
    if word not in TRUE | FALSE:
        raise ValueError(value)
    return word in TRUE


def _wrong_value(value: Any, hint: Any, key: str) -> ConfigError:
    choices = list(hint.__members__) if isinstance(hint, type) and issubclass(hint, Enum) else []
    text = "null" if value is None else str(value)
    return ConfigError(f"{key} must be {in_words(hint)}, got {text}{did_you_mean(text, choices)}")


def _wrong_kind(value: Any, hint: Any, key: str) -> ConfigError:
    kind = "null" if value is None else f"a value of type {type(value).__name__}"
    return ConfigError(f"{key} must be {in_words(hint)}, got {kind}")


def _missing(value: Any, key: str) -> list[str]:
    """Dotted keys of all values that must be given and are not."""
    if isinstance(value, Group):
        named = {spec.name: getattr(value, spec.name) for spec in dataclasses.fields(value)}
        return [
            name
            for child, item in named.items()
            for name in _missing(item, f"{key}.{child}" if key else child)
        ]
    if isinstance(value, list):
        return [name for index, item in enumerate(value) for name in _missing(item, f"{key}[{index}]")]
    return [key] if isinstance(value, str) and value == MISSING else []
