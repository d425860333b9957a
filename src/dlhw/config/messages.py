"""Turn what Hydra and OmegaConf raise into one sentence with the key, the value, what is allowed, the nearest."""

import dataclasses
import re
import typing
from collections.abc import Iterable
from enum import Enum

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import (
    ConfigCompositionException,
    HydraException,
    MissingConfigException,
    OverrideParseException,
)
from omegaconf.errors import (
    ConfigAttributeError,
    ConfigKeyError,
    InterpolationResolutionError,
    OmegaConfBaseException,
)

from dlhw.errors import did_you_mean, listing


def explain(error: BaseException, overrides: Iterable[str] = ()) -> str:
    """One sentence for an error of composing or converting a config.

    Args:
        error: what Hydra or OmegaConf raised; the cause nearest to the config is looked for.
        overrides: the command line's, to name the value that does not fit.
    """
    for link in _chain(error):
        if isinstance(link, OverrideParseException):
            return f"cannot read the argument {link.override!r}: {_first_line(link.__cause__ or link)}"
        if isinstance(link, MissingConfigException):
            return _missing_option(link)
        if isinstance(link, OmegaConfBaseException) and link.full_key is not None:
            return _config_value(link)
    return _composition(error, overrides)


def _chain(error: BaseException | None) -> list[BaseException]:
    """Innermost cause first."""
    links: list[BaseException] = []
    while error is not None:
        links.append(error)
        error = error.__cause__
    return links[::-1]


def _first_line(error: BaseException) -> str:
    return str(error).strip().splitlines()[0].strip() if str(error).strip() else type(error).__name__


def _missing_option(error: MissingConfigException) -> str:
    group, _, option = str(error.missing_cfg_file).rpartition("/")
    if not error.options:
        return _first_line(error)
    public = sorted(name for name in error.options if not name.startswith("base"))
    return f"{group}={option}: no such option{did_you_mean(option, public)} Available: {listing(public)}".replace(
        "option Available", "option; available"
    )


def _config_value(error: OmegaConfBaseException) -> str:
    key = error.full_key
    schema = error.object_type
    if isinstance(error, InterpolationResolutionError):
        return f"{key} refers to something that does not exist: {_first_line(error)}"
    if isinstance(error, ConfigAttributeError | ConfigKeyError) and dataclasses.is_dataclass(schema):
        return _unknown_key(str(key), [spec.name for spec in dataclasses.fields(schema)])
    return f"{key} {_allowed(schema, str(error.key))}: {_first_line(error)}"


def _unknown_key(key: str, allowed: list[str]) -> str:
    parent, _, last = key.rpartition(".")
    where = f"{parent}." if parent else ""
    near = did_you_mean(last, allowed).replace("did you mean ", f"did you mean {where}")
    return f"{key}: no such key{near or ';'} {'' if near else ''}allowed here: {listing(allowed)}".replace(
        "?allowed", "? allowed"
    )


def _allowed(schema: object, name: str) -> str:
    """What a field takes, in words: `must be a number`, `must be one of a, b`."""
    if not (isinstance(schema, type) and dataclasses.is_dataclass(schema)):
        return "has an element that does not fit"
    hint = typing.get_type_hints(schema).get(name)
    return f"must be {_in_words(hint)}" if hint is not None else "does not fit"


_WORDS = {int: "an integer", float: "a number", str: "a text", bool: "true or false", type(None): "null"}


def _in_words(hint: object) -> str:
    if isinstance(hint, type) and issubclass(hint, Enum):
        return f"one of {listing(member.name for member in hint)}"
    if typing.get_origin(hint) is list:
        return f"a list of {_in_words(typing.get_args(hint)[0]).replace('an ', '').replace('a ', '')}s"
    if typing.get_args(hint):
        return " or ".join(_in_words(part) for part in typing.get_args(hint))
    return _WORDS.get(hint, "of another type") if isinstance(hint, type) else "of another type"


def _composition(error: BaseException, overrides: Iterable[str]) -> str:
    """Errors that carry no key of the schema: a group that is not there, a default that cannot be changed."""
    text = _first_line(error)
    match = re.match(r"Could not override '([^']+)'", text)
    if match is None:
        return text
    key = match.group(1).split("@")[0]
    groups = known_groups()
    return f"{key}: no such key or group{did_you_mean(key, groups) or ';'} groups: {listing(groups)}"


def known_groups() -> list[str]:
    """Keys at the top of the config."""
    from dlhw.config.root import TrainConfig

    return [spec.name for spec in dataclasses.fields(TrainConfig)]


__all__ = ["HydraException", "ConfigCompositionException", "OverridesParser", "explain"]
