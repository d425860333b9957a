"""What somebody meant by a key that is not there: the end of a dotted key, or a key of another option."""

import dataclasses
from collections.abc import Iterator

from dlhw.config.group import Group
from dlhw.errors import listing

# Groups whose default option is none at all.
ADDITIONAL = ("regularizer", "schedule")
# What else the ends of keys are called.
KEY_SYNONYMS = {
    "learning_rate": "lr",
    "num_epochs": "epochs",
    "batchsize": "batch_size",
    "hidden_size": "hidden",
}


def keys_ending_in(word: str) -> list[str]:
    """Dotted keys of any option that end in a word or its synonym, such as `optimizer.lr` for `lr`."""
    word = KEY_SYNONYMS.get(word, word)
    found = {
        key
        for group, schemas in _schemas().items()
        for schema in schemas.values()
        for key in _leaves(schema, f"{group}.")
        if key.endswith(f".{word}")
    }
    return sorted(found, key=lambda key: (key.count("."), key))


def options_with(key: str) -> list[str]:
    """Options of the key's group that have the key, such as `regularizer=l2` for `regularizer.alpha`."""
    group = key.partition(".")[0]
    return [
        f"{group}={name}"
        for name, schema in _schemas().get(group, {}).items()
        if key in _leaves(schema, f"{group}.")
    ]


def where_it_is(key: str) -> str:
    """The tail of a sentence: what to write instead of a key that is not there; empty if nothing is known."""
    if options := options_with(key):
        is_additional = key.partition(".")[0] in ADDITIONAL
        return f"; it belongs to {listing(options)}" + f": add {options[0]}" * is_additional
    near = [] if "." in key else keys_ending_in(key)
    return f"; did you mean {' or '.join(near)}?" if near else ""


def _schemas() -> dict[str, dict[str, type[Group]]]:
    from dlhw.config.load import CHOICES  # which imports the words of errors
    from dlhw.config.trainer import TrainerConfig

    return {group: dict(options) for group, options in CHOICES.items()} | {
        "trainer": {"default": TrainerConfig}
    }


def _leaves(schema: type[Group], prefix: str) -> set[str]:
    return set(_walk(schema(), prefix))


def _walk(group: Group, prefix: str) -> Iterator[str]:
    for spec in dataclasses.fields(group):
        value = getattr(group, spec.name)
        if isinstance(value, Group):
            yield from _walk(value, f"{prefix}{spec.name}.")
        elif spec.name != "name":
            yield prefix + spec.name
