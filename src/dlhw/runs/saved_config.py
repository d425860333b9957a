"""The typed config of a run, read back from its folder."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from dlhw.config.load import from_dict
from dlhw.config.root import TrainConfig
from dlhw.config.saved import with_references
from dlhw.errors import ConfigError, RunFolderError
from dlhw.files import LOADER
from dlhw.runs.folder import CONFIG_FILE, RunFolder
from dlhw.runs.sweep_folder import nearest_folder


def saved_config(folder: Path, overrides: Sequence[str] = ()) -> TrainConfig:
    """The config that a run was trained with.

    Args:
        folder: of the run.
        overrides: `key=value` with a dotted key, to change values such as `data.root`.

    Raises:
        RunFolderError: if the folder is not that of a run.
        ConfigError: if the config or an override does not fit.
    """
    path = folder / CONFIG_FILE
    if not folder.is_dir():
        raise RunFolderError(f"{folder} is not a folder{nearest_folder(folder)}")
    if not path.is_file():
        raise RunFolderError(f"{folder} is not a run's folder: it has no {CONFIG_FILE}")
    saved = RunFolder(folder).composed()
    try:
        tree = with_references(saved)
        for override in overrides:
            tree = _merged(tree, _nested(override))
        return from_dict(tree)
    except ConfigError as error:
        raise ConfigError("\n".join(f"{path}: {line}" for line in str(error).splitlines())) from error


def _nested(override: str) -> dict[str, Any]:
    """
    >>> _nested("data.split.val=0.1")
    {'data': {'split': {'val': 0.1}}}
    """
    key, _, text = override.partition("=")
    value = _value(text)
    for name in reversed(key.split(".")):
        value = {name: value}
    return value


def _value(text: str) -> Any:
    """A value as YAML has it; dates, and text that is not YAML, stay text."""
    try:
        value = yaml.load(text, LOADER)  # noqa: S506 (a safe one)
    except (yaml.YAMLError, ValueError):
        return text
    return value if isinstance(value, bool | int | float | str | list | dict | None) else text


def _merged(tree: Mapping[Any, Any], over: Mapping[Any, Any]) -> dict[str, Any]:
    """Nested dicts with the values of `over` where it has any."""
    merged = {str(key): value for key, value in tree.items()}
    for key, value in over.items():
        below = merged.get(str(key))
        if isinstance(value, Mapping) and isinstance(below, Mapping):
            value = _merged(below, value)
        merged[str(key)] = value
    return merged
