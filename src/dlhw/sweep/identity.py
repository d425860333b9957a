"""What a cell's numbers depend on: its config, the content of its data files, the code that computes it."""

import hashlib
import json
from typing import Any

from dlhw.config.fields import identity_fields
from dlhw.config.root import TrainConfig
from dlhw.content import data_identity
from dlhw.source import code_version

DATA_KEY, CODE_KEY = "content of the data", "code"


def definition(config: TrainConfig) -> dict[str, Any]:
    """Dotted key -> value of all that a cell's numbers depend on, data and code included."""
    return identity_fields(config) | {DATA_KEY: data_identity(config.data.files()), CODE_KEY: code_version()}


def cell_hash(definition: dict[str, Any]) -> str:
    """Equal for cells that compute the same."""
    return hashlib.sha256(json.dumps(definition, sort_keys=True).encode()).hexdigest()[:16]
