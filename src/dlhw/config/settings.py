"""The hash of the settings that a run's numbers depend on."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from dlhw.config.fields import identity_fields
from dlhw.config.root import TrainConfig


def settings_hash(settings: Mapping[str, Any]) -> str:
    """Sixteen hex digits, equal for equal settings."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]


def config_hash(config: TrainConfig) -> str:
    """Sixteen hex digits, equal for configs that give the same numbers from the same data."""
    return settings_hash(identity_fields(config))
