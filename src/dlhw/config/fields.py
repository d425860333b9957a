"""Roles of config fields, and what follows from them.

A field's role says what a change of its value means, once, where the field is defined. Whether two runs are
the same, may train as one cohort or may resume from each other's checkpoints, and which keys a report
compares by, all follow from the roles.
"""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from enum import Enum, StrEnum
from typing import Any

from dlhw.config.group import Group


class Role(StrEnum):
    """What a change of a field's value means.

    The value of a `setting` or of a `per_run` field is part of what identifies a run.
    """

    setting = "setting"
    """another program: a run of its own, in a cohort of its own"""
    per_run = "per_run"
    """another number in the same program: runs that differ in it share a cohort, the field becomes a tensor
    of length R"""
    file = "file"
    """a path of the user's data: the content of the file identifies the run, the path does not"""
    location = "location"
    """where a known data set lies or is fetched from"""
    observation = "observation"
    """what a run is called, what is recorded of it and how it is reported"""
    sweep = "sweep"
    """belongs to the sweep and not to its runs, whose saved configs do not have it"""


ROLE = "role"
# What identifies a run.
IDENTITY = (Role.setting, Role.per_run)
# What runs of one cohort have in common; files and locations too, since other data may have other shapes.
COHORT = (Role.setting, Role.file, Role.location)


def per_run(default: Any) -> Any:
    """A field of role `per_run`; a callable default is called for each config."""
    return _field(Role.per_run, default)


def file(default: Any) -> Any:
    """A field of role `file`."""
    return _field(Role.file, default)


def location(default: Any) -> Any:
    """A field of role `location`."""
    return _field(Role.location, default)


def observation(default: Any) -> Any:
    """A field of role `observation`; for a group the role applies to all of its fields."""
    return _field(Role.observation, default)


def of_sweep(default: Any) -> Any:
    """A field of role `sweep`."""
    return _field(Role.sweep, default)


def _field(role: Role, default: Any) -> Any:
    if callable(default):
        return dataclasses.field(default_factory=default, metadata={ROLE: role})
    return dataclasses.field(default=default, metadata={ROLE: role})


def role_of(spec: "dataclasses.Field[Any]") -> Role:
    """The role that a field was defined with."""
    return Role(spec.metadata.get(ROLE, Role.setting))


@dataclasses.dataclass(frozen=True)
class Leaf:
    """A value of a config that is not a group.

    Args:
        value: as plain data.
        role: of its field, or of the group that the field is in.
    """

    value: Any
    role: Role


def leaves(config: Group) -> dict[str, Leaf]:
    """Dotted key -> leaf, without fields of the sweep."""
    return _leaves(config, "", Role.setting)


def _leaves(config: Group, prefix: str, group_role: Role) -> dict[str, Leaf]:
    collected: dict[str, Leaf] = {}
    for spec in dataclasses.fields(config):
        own, value = role_of(spec), getattr(config, spec.name)
        role = own if group_role is Role.setting else group_role
        if role is Role.sweep:
            continue
        if isinstance(value, Group):
            collected |= _leaves(value, f"{prefix}{spec.name}.", role)
        else:
            collected[prefix + spec.name] = Leaf(plain(value), role)
    return collected


def values(config: Group, *roles: Role) -> dict[str, Any]:
    """Dotted key -> value of the leaves that have one of the roles."""
    return {key: leaf.value for key, leaf in leaves(config).items() if leaf.role in roles}


def identity_fields(config: Group) -> dict[str, Any]:
    """Dotted key -> value of everything that a run's numbers depend on, besides its data and the code."""
    return values(config, *IDENTITY)


def cohort_fields(config: Group) -> dict[str, Any]:
    """Dotted key -> value of everything that the runs of a cohort share."""
    return values(config, *COHORT)


def names_of_sweep(schema: type[Group] | Group) -> set[str]:
    """The fields that belong to the sweep."""
    return {spec.name for spec in dataclasses.fields(schema) if role_of(spec) is Role.sweep}


def plain(value: Any) -> Any:
    """Plain data of a value, as OmegaConf's `to_container` but fast, as runs often save their config."""
    if dataclasses.is_dataclass(value):
        return {spec.name: plain(getattr(value, spec.name)) for spec in dataclasses.fields(value)}
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value


def settings_hash(settings: Mapping[str, Any]) -> str:
    """Sixteen hex digits, equal for equal settings."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]


def config_hash(config: Group) -> str:
    """Sixteen hex digits, equal for configs that give the same numbers from the same data."""
    return settings_hash(identity_fields(config))
