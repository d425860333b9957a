"""Turn errors of Hydra and OmegaConf into one sentence: the key, the value, what is allowed, the nearest."""

import dataclasses
import re
import typing
from collections.abc import Iterator
from enum import Enum
from traceback import walk_tb
from typing import Any

from hydra.errors import MissingConfigException, OverrideParseException
from omegaconf import ListConfig
from omegaconf.errors import (
    ConfigAttributeError,
    ConfigKeyError,
    InterpolationResolutionError,
    OmegaConfBaseException,
)

from dlhw.config.group import Group
from dlhw.config.options import OPTIONS, SINGLE_OPTIONS
from dlhw.errors import did_you_mean, listing


def explain(error: BaseException) -> str:
    """One sentence for an error while composing or converting a config; the innermost cause says most."""
    for link in _causes(error):
        if isinstance(link, OverrideParseException):
            return f"cannot read the argument {link.override!r}, expected KEY=VALUE or GROUP=OPTION"
        if isinstance(link, MissingConfigException) and link.options:
            return _missing_option(link)
        if isinstance(link, OmegaConfBaseException) and link.full_key:
            return _value_of_key(link)
    return _composition(_first_line(error))


def _causes(error: BaseException | None) -> list[BaseException]:
    links: list[BaseException] = []
    while error is not None:
        links.append(error)
        error = error.__cause__
    return links[::-1]


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].strip() if lines else type(error).__name__


def is_internal(option: str) -> bool:
    """Whether an option cannot be chosen: a schema, or a file that several options share."""
    return option.rpartition("/")[2].startswith(("base_", "_"))


def _missing_option(error: MissingConfigException) -> str:
    from dlhw.config.catalogue import no_such_experiment

    path = str(error.missing_cfg_file)
    if path.startswith("experiment/"):
        return no_such_experiment(path.removeprefix("experiment/"))
    group, _, option = path.rpartition("/")
    options = sorted(name for name in error.options or [] if not is_internal(name))
    return f"{group}={option}: no such option{_nearest(option, options)} available: {listing(options)}"


def _nearest(word: str, options: list[str], prefix: str = "") -> str:
    """`; did you mean x?`, or just `;` between two halves of a sentence."""
    return did_you_mean(word, options).replace("mean ", f"mean {prefix}") or ";"


def _value_of_key(error: OmegaConfBaseException) -> str:
    key, schema = _key_of(error), error.object_type
    if isinstance(error, InterpolationResolutionError):
        return f"{key} refers to something that cannot be resolved: {_first_line(error)}"
    if isinstance(error, ConfigAttributeError | ConfigKeyError):
        return unknown_key(key, schema)
    return f"{key} {_allowed(error)}, {_found(error)}"


def _key_of(error: OmegaConfBaseException) -> str:
    """The whole key. OmegaConf creates list elements separately, and its errors do not name the list."""
    inside, list_key = str(error.full_key), getattr(error.object_type, "list_key", "")
    above = list(_elements(error))
    if above:
        return ".".join([*above, inside])
    return inside if inside.startswith(list_key) else f"{list_key}[].{inside}"


def _elements(error: BaseException) -> Iterator[str]:
    """List elements that were being created, such as `experiment.checks[1]`, outermost first.

    Only the stack frames of OmegaConf's merging know them; if that changes, the message has `[]` instead.
    """
    merging: Any = None
    for frame, _ in walk_tb(error.__traceback__):
        if merging is not None and frame.f_code.co_name == "merge":
            target, elements = merging
            yield f"{target._get_full_key(None)}[{len(elements)}]"
        lists = frame.f_locals.get("dest"), frame.f_locals.get("temp_target")
        merging = lists if all(isinstance(value, ListConfig) for value in lists) else None


def unknown_key(key: str, schema: object) -> str:
    """The error for a key that its schema does not have, with the keys that it has."""
    if not (isinstance(schema, type) and dataclasses.is_dataclass(schema)):
        return f"{key}: no such key"
    parent, _, last = key.rpartition(".")
    allowed = [spec.name for spec in dataclasses.fields(schema)]
    known = f"keys in {parent}" if parent else "top-level keys"
    near = where_it_is(key) or _nearest(last, allowed, f"{parent}." if parent else "")
    near = near if near.endswith(("?", ";")) else f"{near};"
    return f"{key}: no such key{near} {known}: {listing(allowed)}"


def _hint(error: OmegaConfBaseException) -> object:
    """The type that a field, or an element of a list, is declared with; None if unknown."""
    schema = error.object_type
    if isinstance(schema, type) and dataclasses.is_dataclass(schema):
        return typing.get_type_hints(schema).get(str(error.key))
    elements = typing.get_args(error.ref_type)
    return elements[0] if elements else None


def _allowed(error: OmegaConfBaseException) -> str:
    """What a key accepts, in words: `must be a number`, `must be one of a, b`."""
    hint = _hint(error)
    return "does not fit" if hint is None else f"must be {_in_words(hint)}"


def _found(error: OmegaConfBaseException) -> str:
    """The value that was given, and the nearest choice if it is misspelt."""
    line, hint = _first_line(error), _hint(error)
    match = re.search(r"[Vv]alue '(.*?)'", line)
    if match is None:
        kind = re.search(r"assigned: (\w+) is not", line)
        return f"got a value of type {kind.group(1)}" if kind else f"got something else ({line})"
    choices = list(hint.__members__) if isinstance(hint, type) and issubclass(hint, Enum) else []
    return f"got {match.group(1)}{did_you_mean(match.group(1), choices)}"


_WORDS = {int: "an integer", float: "a number", str: "a string", bool: "true or false", type(None): "null"}
_PLURALS = {int: "integers", float: "numbers", str: "strings"}


def _in_words(hint: object) -> str:
    if isinstance(hint, type) and issubclass(hint, Enum):
        return f"one of {listing(member.name for member in hint)}"
    if typing.get_origin(hint) is list:
        return f"a list of {_PLURALS.get(typing.get_args(hint)[0], 'values')}"
    if typing.get_args(hint):
        return " or ".join(_in_words(part) for part in typing.get_args(hint))
    return _WORDS.get(hint, "a group of keys") if isinstance(hint, type) else "of another type"


def _several_values(argument: str) -> str:
    key, _, values = argument.partition("=")
    return (
        f"{argument} names several values, which is a sweep: add -m; "
        f"a list is written {key}=[{values}], in quotes if the shell interprets brackets"
    )


def _composition(text: str) -> str:
    """Errors that name no key of a schema: an unknown group, a default that cannot be changed."""
    from dlhw.config.catalogue import no_such_experiment
    from dlhw.config.root import TrainConfig

    experiment = re.search(r"Could not (?:find|load) 'experiment/([^']+)'", text)
    if experiment is not None:
        return no_such_experiment(experiment.group(1))
    twice = re.match(r"Multiple values for (\S+?)\. .*: (\S+)'", text)
    if twice is not None:
        return f"{twice[1]} is already chosen: {twice[1]}={twice[2]}, without +, chooses another"
    added = re.match(r"Could not append to config\. An item is already at '([^']+)'", text)
    if added is not None:
        return f"{added[1]} already exists: {added[1]}=VALUE, without +, sets it"
    several = re.match(r"Ambiguous value for argument '(.+)'$", text)
    if several is not None:
        return _several_values(several[1])
    match = re.match(r"Could not (?:override|append|delete)[^']*'([^'@]+)", text)
    if match is None:
        return text
    return unknown_key(match.group(1), TrainConfig)


# Groups whose default option is none at all.
ADDITIONAL = ("regularizer", "schedule")
# Common other names of keys.
KEY_SYNONYMS = {
    "learning_rate": "lr",
    "num_epochs": "epochs",
    "batchsize": "batch_size",
    "hidden_size": "hidden",
}


def keys_ending_in(word: str) -> list[str]:
    """Dotted keys of any option that end in a word or its synonym, such as `optimizer.lr` for `lr`."""
    word = KEY_SYNONYMS.get(word, word)
    keys = {
        key
        for group, schemas in _schemas().items()
        for schema in schemas.values()
        for key in _leaves(schema, f"{group}.")
        if key.endswith(f".{word}")
    }
    return sorted(keys, key=lambda key: (key.count("."), key))


def options_with(key: str) -> list[str]:
    """Options of the key's group that have the key, such as `regularizer=l2` for `regularizer.alpha`."""
    group = key.partition(".")[0]
    return [
        f"{group}={name}"
        for name, schema in _schemas().get(group, {}).items()
        if key in _leaves(schema, f"{group}.")
    ]


def where_it_is(key: str) -> str:
    """The end of a sentence: what to write instead of an unknown key; empty if nothing is known."""
    if options := options_with(key):
        is_additional = key.partition(".")[0] in ADDITIONAL
        return f"; it belongs to {listing(options)}" + f": add {options[0]}" * is_additional
    near = [] if "." in key else keys_ending_in(key)
    return f"; did you mean {' or '.join(near)}?" if near else ""


def _schemas() -> dict[str, dict[str, type[Group]]]:
    schemas: dict[str, dict[str, type[Group]]] = {group: dict(options) for group, options in OPTIONS.items()}
    return schemas | {group: {"default": schema} for group, schema in SINGLE_OPTIONS.items()}


def _leaves(schema: type[Group], prefix: str) -> set[str]:
    return set(_walk(schema(), prefix))


def _walk(group: Group, prefix: str) -> Iterator[str]:
    for spec in dataclasses.fields(group):
        value = getattr(group, spec.name)
        if isinstance(value, Group):
            yield from _walk(value, f"{prefix}{spec.name}.")
        elif spec.name != "name":
            yield prefix + spec.name
