"""Check a whole config, and convert it to plain data and back, as a run's folder keeps it."""

from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar

from dlhw.config.convert import updated
from dlhw.config.fields import Role, names_of_sweep, plain, values
from dlhw.config.group import Group
from dlhw.config.old_keys import upgraded_tree
from dlhw.config.options import OPTIONS
from dlhw.config.root import TrainConfig
from dlhw.config.saved import interpolations, with_references
from dlhw.errors import ConfigError, did_you_mean, listing

UNKNOWN = "what that stood for in the run is not known, and it is not resolved anew"
AnyConfig = TypeVar("AnyConfig", bound=Group)


def check(config: TrainConfig) -> TrainConfig:
    """Return the config if it can be run.

    Raises:
        ConfigError: with one sentence for every problem found.
    """
    problems = [*_renamed(config), *config.problems()]
    if problems:
        raise ConfigError("\n".join(problems))
    return config


def _renamed(config: TrainConfig) -> list[str]:
    """Problems of names that were set: a saved config is read back by them, so they follow the option."""
    problems = []
    for group, options in OPTIONS.items():
        option = getattr(config, group)
        names = [name for name, schema in options.items() if schema is type(option)]
        if option.name not in names:
            problems.append(
                f"{group}.name must stay {listing(names)}, got {option.name}: write {group}={option.name}"
            )
    return problems


def from_dict(tree: Mapping[str, Any]) -> TrainConfig:
    """Read a config back from plain data, such as `.hydra/config.yaml`; a group's `name` selects its schema.

    Raises:
        ConfigError: when a group or its name is missing or unknown, a value does not fit, or is an
            interpolation other than a reference to another key: no resolver is called.
    """
    # the procedure is what a run did before there was a choice
    tree = with_references({"procedure": {"name": "train"}, **upgraded_tree(tree)})
    schema = TrainConfig(**{group: _option(tree, group)() for group in OPTIONS})  # type: ignore[arg-type]
    left_out = names_of_sweep(schema)
    kept = {key: value for key, value in tree.items() if key not in left_out}
    if "${" in str(kept.get("name")):
        del kept["name"]  # it named a folder that is known by now
    if unresolved := list(interpolations(kept)):
        raise ConfigError("\n".join(f"{key} is saved as {text}: {UNKNOWN}" for key, text in unresolved))
    return check(updated(schema, kept))


def _option(tree: Mapping[str, Any], group: str) -> type[Group]:
    options, saved = OPTIONS[group], tree.get(group)
    if not isinstance(saved, Mapping) or "name" not in saved:
        raise ConfigError(f"{group}.name is missing from the saved config")
    name = saved["name"]
    if not isinstance(name, str) or name not in options:
        near = did_you_mean(str(name), options)
        raise ConfigError(f"{group}.name must be one of {listing(options)}, got {name}{near}")
    return options[name]


def to_dict(config: AnyConfig) -> dict[str, Any]:
    """Plain data of a config (nested dicts, lists, numbers, strings), without the fields of its sweep."""
    left_out = names_of_sweep(config)
    return {key: value for key, value in plain(config).items() if key not in left_out}


@cache
def keys_with(*roles: Role) -> frozenset[str]:
    """Dotted keys of all options of all groups whose fields have one of the roles.

    >>> sorted(keys_with(Role.file))
    ['data.path', 'data.test', 'data.train', 'data.val']
    """
    configs = [
        TrainConfig(**{group: option()})  # type: ignore[arg-type]
        for group, options in OPTIONS.items()
        for option in options.values()
    ]
    return frozenset(key for config in configs for key in values(config, *roles))
