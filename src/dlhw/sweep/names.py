"""Names of folders: short, safe, and made of nothing but the swept keys and values.

A name depends on no other cell, so that adding a value renames nothing.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any

LONGEST = 120
UNSAFE = re.compile(r"[^\w.+=,-]+", re.ASCII)


def short_keys(keys: Iterable[str]) -> dict[str, str]:
    """Key -> its last part, or as many parts as tell it from the others; sorted, the seed last.

    >>> short_keys(["seed", "optimizer.lr", "model.init.scale", "data.scale"])
    {'data.scale': 'data.scale', 'model.init.scale': 'init.scale', 'optimizer.lr': 'lr', 'seed': 'seed'}
    """
    ordered = sorted(set(keys), key=lambda key: (key == "seed", key))
    return {key: _short(key, ordered) for key in ordered}


def _short(key: str, keys: list[str]) -> str:
    parts = key.split(".")
    for count in range(1, len(parts) + 1):
        ending = ".".join(parts[-count:])
        if sum(other == ending or other.endswith(f".{ending}") for other in keys) == 1:
            return ending
    return key


def sweep_name(keys: Iterable[str]) -> str:
    """Folder of a sweep.

    >>> sweep_name(["seed", "optimizer.lr"])
    'by-lr+seed'
    """
    return safe("by-" + ("+".join(short_keys(keys).values()) or "nothing"))


def cell_name(values: Mapping[str, Any], short: Mapping[str, str]) -> str:
    """Folder of a cell.

    Args:
        values: swept key -> value.
        short: from `short_keys` of the whole sweep.

    >>> values = {"optimizer.lr": 0.1, "model.hidden": [64, 32]}
    >>> cell_name(values, short_keys(values))
    'hidden=64x32,lr=0.1'
    """
    told = [f"{name}={value_name(values[key])}" for key, name in short.items() if key in values]
    return safe(",".join(told) or "run")


def value_name(value: Any) -> str:
    """A value as it stands in a name; equal values have one name however they were written.

    >>> [value_name(value) for value in (1.0, 1e-4, None, True, [])]
    ['1', '0.0001', 'null', 'true', 'none']
    """
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return "null"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, list | tuple):
        return "x".join(map(value_name, value)) or "none"
    return str(value.value if isinstance(value, Enum) else value)


def safe(name: str) -> str:
    """A name that any file system takes; what had to be changed is made up for by a hash.

    >>> safe("train=a/b.csv")
    'train=a-b.csv~b4ab77'
    """
    plain = UNSAFE.sub("-", name)
    if plain == name and len(name) <= LONGEST:
        return name
    return f"{plain[: LONGEST - 7]}~{hashlib.sha256(name.encode()).hexdigest()[:6]}"
