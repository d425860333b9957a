"""Names of folders: short, safe, and made of nothing but the swept keys and values, and the seed.

A name depends on no other cell, so that adding a value or more seeds renames nothing.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any

LONGEST = 120
UNSAFE = re.compile(r"[^\w.+=,-]+", re.ASCII)


def short_keys(keys: Iterable[str]) -> dict[str, str]:
    """Key -> its last part, or as many parts as distinguish it from the others; sorted, the seed last.

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
    """Folder of a sweep. The seed is no part of it: `seeds=3` extends a sweep that was begun with one seed.

    >>> sweep_name(["seed", "optimizer.lr"])
    'by-lr'
    """
    settings = [key for key in keys if key != "seed"]
    return safe("by-" + ("+".join(short_keys(settings).values()) or "seed"))


def cell_name(values: Mapping[str, Any], seed: int, keys: Iterable[str]) -> str:
    """Folder of a cell: its swept values, and its seed unless that is 0.

    Args:
        values: swept key -> value.
        seed: of the run, whether it is swept or not.
        keys: all swept keys of the sweep.

    >>> cell_name({"optimizer.lr": 0.1, "model.hidden": [64, 32]}, 0, ["optimizer.lr", "model.hidden"])
    'hidden=64x32,lr=0.1'
    >>> cell_name({"optimizer.lr": 0.1, "seed": 1}, 1, ["optimizer.lr", "seed"])
    'lr=0.1,seed=1'
    """
    settings = {key: value for key, value in values.items() if key != "seed"}
    if seed or not settings:
        settings["seed"] = seed
    short = short_keys([*keys, "seed"])
    return safe(
        ",".join(f"{name}={value_name(settings[key])}" for key, name in short.items() if key in settings)
    )


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
