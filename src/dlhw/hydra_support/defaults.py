"""What an option's file under conf/ gives when it is composed: its values on top of its schema's defaults.

Hydra takes some 100 ms to compose one choice of every group; help and completion want all options at once,
and read the files themselves. A test compares the two.
"""

from collections.abc import Mapping
from typing import Any

from omegaconf import DictConfig, OmegaConf

from dlhw.config.catalogue import conf_dir
from dlhw.config.options import OPTIONS, SINGLE_OPTIONS


def composed_option(group: str, name: str) -> dict[str, Any]:
    """Values of an option as plain data; an interpolation that needs other groups stays as it is written."""
    schema = OPTIONS[group][name] if group in OPTIONS else SINGLE_OPTIONS[group]
    values = _own_values(group, name)
    config = OmegaConf.merge(OmegaConf.structured(schema()), values)
    assert isinstance(config, DictConfig)
    plain = OmegaConf.to_container(config, resolve=True, enum_to_str=True)
    assert isinstance(plain, dict)
    return {str(key): value for key, value in plain.items()}


def _own_values(group: str, name: str) -> Mapping[str, Any]:
    """What stands in an option's file beside its defaults list; of a global file the group's own values."""
    path = conf_dir() / group / f"{name}.yaml"
    if not path.is_file():
        return {}
    tree = OmegaConf.to_container(OmegaConf.load(path))
    assert isinstance(tree, dict)
    is_global = "# @package _global_" in path.read_text(encoding="utf-8")
    values = tree.get(group) or {} if is_global else tree
    return {str(key): value for key, value in values.items() if key != "defaults"}


def derived_options(group: str) -> dict[str, str]:
    """Options in subfolders, which set keys of another option, with the comment that heads their file."""
    root = conf_dir() / group
    options = {}
    for path in sorted(root.glob("*/*.yaml")):
        first = path.read_text(encoding="utf-8").partition("\n")[0]
        options[path.relative_to(root).with_suffix("").as_posix()] = first.lstrip("# ")
    return options


def top_values() -> dict[str, Any]:
    """The keys of conf/train.yaml that belong to no group, as they are written there."""
    tree = OmegaConf.to_container(OmegaConf.load(conf_dir() / "train.yaml"))
    assert isinstance(tree, dict)
    return {str(key): value for key, value in tree.items() if key not in ("defaults", "hydra")}


def chosen_defaults() -> dict[str, str]:
    """Group -> the option that conf/train.yaml chooses."""
    tree = OmegaConf.to_container(OmegaConf.load(conf_dir() / "train.yaml"))
    assert isinstance(tree, dict)
    lines = [line for line in tree["defaults"] if isinstance(line, dict)]
    return {str(group): str(name) for line in lines for group, name in line.items() if group in OPTIONS}
