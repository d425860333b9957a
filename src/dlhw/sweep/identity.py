"""What a cell's numbers depend on: its config, the content of its data files, the code that computes it."""

import hashlib
import json
from pathlib import Path
from typing import Any

from dlhw.config.data import DataConfig
from dlhw.config.root import TrainConfig
from dlhw.config.settings import settings
from dlhw.source import code_version
from dlhw.sweep.filehash import file_hash

DATA_KEY, CODE_KEY = "content of the data", "code"
ABSENT = "not there yet"


def definition(config: TrainConfig) -> dict[str, Any]:
    """Dotted key -> value of all that a cell's numbers depend on, data and code included."""
    return settings(config) | {DATA_KEY: data_identity(config.data), CODE_KEY: code_version()}


def cell_hash(definition: dict[str, Any]) -> str:
    """Equal for cells that compute the same."""
    return hashlib.sha256(json.dumps(definition, sort_keys=True).encode()).hexdigest()[:16]


def data_identity(config: DataConfig) -> str:
    """Hashes of the files' content, wherever they lie; `ABSENT` while one of them is yet to be fetched."""
    hashes = [f"{name}:{_short_hash(path)}" for name, path in config.files().items()]
    return ABSENT if any(ABSENT in line for line in hashes) else " ".join(hashes)


def _short_hash(path: Path) -> str:
    try:
        return file_hash(path)[:16]
    except OSError:
        return ABSENT
