"""Words for messages about configs: what a value must be, and the keys nearest to one that does not exist."""

import dataclasses
import typing
from collections.abc import Iterator
from enum import Enum

from dlhw.config.group import Group
from dlhw.config.options import OPTIONS, SINGLE_OPTIONS
from dlhw.errors import did_you_mean, listing


def nearest(word: str, options: list[str], prefix: str = "") -> str:
    """`; did you mean x?`, or just `;` between two halves of a sentence."""
    return did_you_mean(word, options).replace("mean ", f"mean {prefix}") or ";"


def unknown_key(key: str, schema: object) -> str:
    """The error for a key that its schema does not have, with the keys that it has."""
    if not (isinstance(schema, type) and dataclasses.is_dataclass(schema)):
        return f"{key}: no such key"
    parent, _, last = key.rpartition(".")
    allowed = [spec.name for spec in dataclasses.fields(schema)]
    known = f"keys in {parent}" if parent else "top-level keys"
    near = where_it_is(key) or nearest(last, allowed, f"{parent}." if parent else "")
    near = near if near.endswith(("?", ";")) else f"{near};"
    return f"{key}: no such key{near} {known}: {listing(allowed)}"


_WORDS = {int: "an integer", float: "a number", str: "a string", bool: "true or false", type(None): "null"}
_PLURALS = {int: "integers", float: "numbers", str: "strings"}


def in_words(hint: object) -> str:
    """What a value of a type is, such as `an integer or null`."""
    if isinstance(hint, type) and issubclass(hint, Enum):
        return f"one of {listing(member.name for member in hint)}"
    if typing.get_origin(hint) is list:
        return f"a list of {_PLURALS.get(typing.get_args(hint)[0], 'values')}"
    if typing.get_args(hint):
        return " or ".join(in_words(part) for part in typing.get_args(hint))
    return _WORDS.get(hint, "a group of keys") if isinstance(hint, type) else "of another type"


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
