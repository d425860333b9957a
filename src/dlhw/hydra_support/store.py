"""Make the schemas known to Hydra, which merges every YAML option of a group onto its schema."""

from functools import cache

from hydra.core.config_store import ConfigStore

from dlhw.config.options import OPTIONS
from dlhw.config.root import TrainConfig
from dlhw.config.tracking import TrackingConfig
from dlhw.config.trainer import TrainerConfig


@cache  # storing takes a third of the time of composing
def register() -> None:
    """Store each schema as `base_<name>` in its group, once in a process."""
    store = ConfigStore.instance()
    store.store(name="base_train", node=TrainConfig)
    store.store(group="trainer", name="base_trainer", node=TrainerConfig)
    store.store(group="tracking", name="base_tracking", node=TrackingConfig)
    for group, options in OPTIONS.items():
        for name, schema in options.items():
            store.store(group=group, name=f"base_{name}", node=schema)
