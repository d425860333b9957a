"""Check what a killed process leaves in a folder: old files and new ones, nothing in between."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import yaml

from dlhw.callbacks.checkpoints import load_checkpoint
from dlhw.callbacks.metrics_csv import COLUMNS
from dlhw.errors import RunFolderError
from dlhw.runs.predictions import PREDICTIONS_FILE, read_predictions


def torn_files(folder: Path) -> list[Path]:
    """Files under their own name that are neither whole nor absent. Temporary files are ignored."""
    return [path for path in _files(folder) if not _is_whole(path)]


def newest_step(folder: Path) -> int:
    """Step of the newest intact checkpoint of a run; 0 without one."""
    steps = [0]
    for path in folder.glob("checkpoints/[lp]*.safetensors"):
        if _is_whole(path):
            steps.append(int(load_checkpoint(path)[1]["step"]))
    return max(steps)


def _files(folder: Path) -> Iterator[Path]:
    yield from (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))


def _is_whole(path: Path) -> bool:
    try:
        if path.name == PREDICTIONS_FILE:
            read_predictions(path.parent)
        elif path.suffix == ".safetensors":
            load_checkpoint(path)
        elif path.suffix == ".json":
            json.loads(path.read_text(encoding="utf-8"))
        elif path.suffix == ".yaml":
            return yaml.safe_load(path.read_text(encoding="utf-8")) is not None
        elif path.suffix == ".csv":
            return _has_whole_rows(path)
    except (ValueError, yaml.YAMLError, RunFolderError):
        return False
    return True


def _has_whole_rows(path: Path) -> bool:
    text = path.read_text(encoding="utf-8")
    return text.endswith("\n") and all(len(row) == len(COLUMNS) for row in csv.reader(text.splitlines()))
