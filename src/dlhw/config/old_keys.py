"""Keys of earlier versions that are still accepted: `trainer.engine` and `trainer.kernels`.

Both became `trainer.backend`. They may stand on a command line, in a YAML file, in the saved config of a run
and in the ledger of a sweep.
"""

import re
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from dlhw.errors import ConfigError

BACKEND, ENGINE, KERNELS = "trainer.backend", "trainer.engine", "trainer.kernels"
# old key -> old value -> value of trainer.backend
RENAMED = {
    ENGINE: {"manual": "auto", "autograd": "autograd"},
    KERNELS: {"auto": "auto", "compiled": "compiled", "captured": "cuda_graph", "torch": "eager"},
}
OVERRIDE = re.compile(r"(?P<prefix>\+{0,2})(?P<key>trainer\.(?:backend|engine|kernels))=(?P<value>.*)", re.S)


def upgraded_overrides(overrides: Iterable[str]) -> list[str]:
    """Overrides of a command line with `trainer.backend` in place of the old keys; a note names the new key.

    >>> upgraded_overrides(["seed=1", "trainer.backend=eager"])
    ['seed=1', 'trainer.backend=eager']

    Raises:
        ConfigError: if an old key contradicts another key.
    """
    lines = list(overrides)
    matches = {number: match for number, line in enumerate(lines) if (match := OVERRIDE.fullmatch(line))}
    given = {match["key"]: match["value"] for match in matches.values()}
    if not given.keys() & RENAMED.keys():
        return lines
    value = _backend(given)
    for key in given.keys() & RENAMED.keys():
        _note(f"{key}={given[key]}", value)
    first = min(matches)
    upgraded = f"{matches[first]['prefix']}{BACKEND}={value}"
    return [
        upgraded if number == first else line
        for number, line in enumerate(lines)
        if number == first or number not in matches
    ]


def upgraded_tree(tree: Mapping[Any, Any], *, note: bool = False) -> dict[Any, Any]:
    """A config as nested plain data, with `trainer.backend` in place of the old keys.

    >>> upgraded_tree({"trainer": {"engine": "manual", "kernels": "torch", "epochs": 3}})
    {'trainer': {'backend': 'eager', 'epochs': 3}}

    Args:
        tree: such as the content of `.hydra/config.yaml`.
        note: whether to print a note that names the new key.

    Raises:
        ConfigError: if an old key contradicts another key.
    """
    trainer = tree.get("trainer")
    if not isinstance(trainer, Mapping):
        return dict(tree)
    flat = {f"trainer.{key}": value for key, value in trainer.items()}
    upgraded = upgraded_keys(flat, note=note)
    return {**tree, "trainer": {key.removeprefix("trainer."): value for key, value in upgraded.items()}}


def upgraded_keys(values: Mapping[str, Any], *, note: bool = False) -> dict[str, Any]:
    """Dotted key -> value, with `trainer.backend` in place of the old keys; see `upgraded_tree`."""
    old = [key for key in RENAMED if key in values]
    if not old:
        return dict(values)
    given = {key: str(values[key]) for key in (*old, BACKEND) if key in values}
    backend = _backend(given)
    if note:
        for key in old:
            _note(f"{key}={given[key]}", backend)
    rest = {key: value for key, value in values.items() if key not in RENAMED and key != BACKEND}
    return {BACKEND: backend, **rest}


def _backend(given: Mapping[str, str]) -> str:
    """The value of `trainer.backend`, or its values separated by commas.

    Raises:
        ConfigError: if the keys contradict each other.
    """
    engine, kernels = given.get(ENGINE), given.get(KERNELS)
    backend = _upgraded(KERNELS, kernels) if kernels is not None else "auto"
    if engine is not None and engine != "manual":
        if kernels not in (None, "auto", "torch"):
            raise ConfigError(
                f"{ENGINE}={engine} contradicts {KERNELS}={kernels}: give {BACKEND} in place of both"
            )
        backend = re.sub(r"\bmanual\b", backend, engine)
    if given.get(BACKEND, backend) != backend:
        old = next(key for key in RENAMED if key in given)
        raise ConfigError(
            f"{BACKEND}={given[BACKEND]} contradicts {old}={given[old]}, its name in earlier versions: "
            f"leave {old} out"
        )
    return backend


def _upgraded(key: str, value: str) -> str:
    """A value, or several of a sweep, by their new names; an unknown one stays, and is refused later."""
    return re.sub(r"\w+", lambda match: RENAMED[key].get(match[0], match[0]), value)


@cache
def _note(old: str, backend: str) -> None:
    print(f"note: {old} is now {BACKEND}={backend}", file=sys.stderr, flush=True)


def upgraded_cells(node: Any) -> Any:
    """Plain data in which dotted keys name settings, such as the cells of an experiment, by the new names."""
    if isinstance(node, Mapping):
        return {
            BACKEND if key in RENAMED else key: _renamed_values(key, upgraded_cells(value))
            for key, value in node.items()
        }
    return [upgraded_cells(item) for item in node] if isinstance(node, list) else node


def _renamed_values(key: Any, value: Any) -> Any:
    if key not in RENAMED:
        return value
    if isinstance(value, list):
        return [_upgraded(key, str(item)) for item in value]
    return _upgraded(key, str(value))
