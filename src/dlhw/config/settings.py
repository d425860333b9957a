"""The settings that a run's numbers depend on, and their hash."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from dlhw.config.load import flat_fields
from dlhw.config.root import TrainConfig


def settings(config: TrainConfig) -> dict[str, Any]:
    """Dotted key -> value, without the run's name, how it is tracked, and where its files lie."""
    leaves = flat_fields(config, without_locations=True)
    kept = {key: value for key, (value, _) in leaves.items() if key != "name"}
    return {key: _plain(value) for key, value in kept.items() if not key.startswith("tracking.")}


def _plain(value: Any) -> Any:
    """As JSON gives it back."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, str) else value


def settings_hash(settings: Mapping[str, Any]) -> str:
    """Sixteen hex digits, equal for equal settings."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]


def config_hash(config: TrainConfig) -> str:
    """Sixteen hex digits, equal for configs that give the same numbers from the same data."""
    return settings_hash(settings(config))
