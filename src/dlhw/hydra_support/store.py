"""Make the schemas known to Hydra, which merges every YAML option of a group onto its schema."""

from functools import cache

from hydra.core.config_store import ConfigStore

from dlhw.config.options import OPTIONS, SINGLE_OPTIONS
from dlhw.config.root import TrainConfig


@cache  # storing takes a third of the time of composing
def register() -> None:
    """Store each schema as `base_<name>` in its group, once in a process."""
    store = ConfigStore.instance()
    store.store(name="base_train", node=TrainConfig)
    for group, schema in SINGLE_OPTIONS.items():
        store.store(group=group, name=f"base_{group}", node=schema)
    for group, options in OPTIONS.items():
        for name, schema in options.items():
            store.store(group=group, name=f"base_{name}", node=schema)
