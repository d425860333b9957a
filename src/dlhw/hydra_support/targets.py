"""No object is made from a name in a config.

Hydra makes the object that a node's `_target_` names (launchers and sweepers of installed plug-ins, and
callbacks) before dlhw sees the config; Python's logging does the same with `class` and `()`. Only what an
installed plugin has registered, and what is listed here, may be named.
"""

from collections.abc import Iterator
from typing import Any

from hydra.core.config_store import ConfigNode, ConfigStore
from omegaconf import DictConfig, ListConfig, OmegaConf

from dlhw.errors import ConfigError, listing

TARGET = "_target_"
CALLBACKS = {"dlhw.hydra_support.callback.CheckBeforeRun"}
LOGGING = ("hydra.job_logging", "hydra.hydra_logging")
FACTORIES = ("class", "()")
LOGGERS = {
    "logging.FileHandler", "logging.Formatter", "logging.NullHandler", "logging.StreamHandler",
    "logging.handlers.RotatingFileHandler", "colorlog.ColoredFormatter",
}  # fmt: skip
# An interpolation can lead back to where it stands.
MAX_DEPTH = 40

Named = tuple[str, str]


def refuse_targets(config: DictConfig) -> None:
    """Refuse a composed config from which Hydra, or Python's logging, would make objects of a name's choice.

    Raises:
        ConfigError: names the key, the value and what is allowed.
    """
    allowed = CALLBACKS | registered()
    for key, value in named(config, (TARGET,)):
        if value not in allowed or not key.startswith("hydra."):
            raise ConfigError(
                f"{key}={value}: no object is made from a name in a config; choose models, optimizers and "
                "launchers by their group, such as hydra/launcher=basic"
            )
    for place in LOGGING:
        node = OmegaConf.select(config, place)
        for key, value in named(node, FACTORIES, f"{place}."):
            if value not in LOGGERS:
                raise ConfigError(f"{key} must be one of {listing(sorted(LOGGERS))}, got {value}")


def registered() -> set[str]:
    """Targets of the launchers and sweepers, and their parts, that installed plugins of Hydra registered."""
    nodes = _stored(ConfigStore.instance().repo.get("hydra", {}))
    return {value for node in nodes for _, value in named(node, (TARGET,))}


def _stored(tree: Any) -> Iterator[Any]:
    if isinstance(tree, ConfigNode):
        yield tree.node
    elif isinstance(tree, dict):
        for child in tree.values():
            yield from _stored(child)


def named(node: Any, names: tuple[str, ...], prefix: str = "", depth: int = 0) -> Iterator[Named]:
    """(key, value) of every leaf with one of the names, also behind interpolations."""
    if depth > MAX_DEPTH:
        raise ConfigError(f"{prefix.rstrip('.')} is nested more than {MAX_DEPTH} deep")
    if not isinstance(node, DictConfig | ListConfig) or node._is_none() or node._is_missing():
        return
    keys: Any = range(len(node)) if isinstance(node, ListConfig) else list(node.keys())
    for key in keys:
        child: Any = node._get_node(key)
        target = _resolved(child) if child._is_interpolation() else child
        if isinstance(target, DictConfig | ListConfig):
            yield from named(target, names, f"{prefix}{key}.", depth + 1)
        elif str(key) in names:
            yield f"{prefix}{key}", str(child._value() if target is None else target._value())


def _resolved(node: Any) -> Any:
    """What an interpolation stands for; None if it cannot be said yet. A resolver can make a whole group."""
    target = node._maybe_dereference_node()
    value = None if target is None else target._value()
    is_container = isinstance(target, DictConfig | ListConfig)
    return OmegaConf.create(value) if isinstance(value, dict | list) and not is_container else target
