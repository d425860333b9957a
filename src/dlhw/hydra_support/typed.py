"""From what Hydra composed to one typed, checked `TrainConfig`."""

import copy
import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

from omegaconf import AnyNode, DictConfig, ListConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from dlhw.config.load import check
from dlhw.config.messages import unknown_key
from dlhw.config.root import TrainConfig
from dlhw.errors import ConfigError
from dlhw.hydra_support.messages import explain

# A node that belongs to the whole sweep: shared by copies of a config.
SHARED = "experiment"


def to_config(composed: DictConfig) -> TrainConfig:
    """Turn a composed config into typed objects and check it as a whole.

    Raises:
        ConfigError: with one sentence for every problem found.
    """
    return check(to_objects(composed))


def to_objects(composed: DictConfig) -> TrainConfig:
    """Turn a composed config into typed objects; their values are not checked yet.

    Raises:
        ConfigError: for keys that are missing or unknown, and values of another type.
    """
    try:
        missing = sorted(OmegaConf.missing_keys(composed))
        if missing:
            raise ConfigError("\n".join(f"{key} must be given, it has no default" for key in missing))
        unknown = list(unknown_keys(composed))
        if unknown:
            raise ConfigError("\n".join(unknown))
        config = OmegaConf.to_object(composed)
    except OmegaConfBaseException as error:
        raise ConfigError(explain(error)) from error
    assert isinstance(config, TrainConfig)
    return config


def unknown_keys(composed: DictConfig, prefix: str = "") -> Iterator[str]:
    """A sentence for each key that the schema does not have: Hydra lets `+key=value` add any.

    List elements are named by their index, such as `experiment.checks[1].claim`.
    """
    schema = OmegaConf.get_type(composed)
    if not dataclasses.is_dataclass(schema):  # a map with free keys, such as the cell of a table
        return
    known = {spec.name for spec in dataclasses.fields(schema)}
    for key in map(str, composed):
        if key not in known:
            yield unknown_key(prefix + key, schema)
        elif not OmegaConf.is_missing(composed, key):
            for name, child in _groups(key, composed._get_node(key)):
                yield from unknown_keys(child, f"{prefix}{name}.")


def _groups(key: str, node: object) -> Iterator[tuple[str, DictConfig]]:
    """The group of a key, or the groups in its list, with their keys."""
    if isinstance(node, DictConfig) and not node._is_none():
        yield key, node
    elif isinstance(node, ListConfig) and not node._is_none() and not node._is_interpolation():
        for index in range(len(node)):
            yield from _groups(f"{key}[{index}]", node._get_node(index))


def without_hydra(config: DictConfig) -> DictConfig:
    """A copy of the task's part of a composed config."""
    return copied(config, without=["hydra"])


def copied(config: DictConfig, *, without: Sequence[str] = ()) -> DictConfig:
    """A copy of a composed config without some of its nodes.

    The node `experiment` belongs to the whole sweep and is shared, not copied: it is larger than the rest of
    the config, and nothing changes it.
    """
    shared = config._get_node(SHARED, validate_access=False)
    memo: dict[int, Any] = {} if shared is None else {id(shared): shared}
    # Hydra's part is larger still; what the memo holds is not copied.
    memo |= {id(config._get_node(key)): AnyNode(None) for key in without}
    copy_ = copy.deepcopy(config, memo)
    with open_dict(copy_):
        for key in without:
            del copy_[key]
    return copy_
