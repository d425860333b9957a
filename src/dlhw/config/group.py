"""The base class of all config groups: plain dataclass fields and a list of problems.

The config package imports neither torch nor any data library, so that `--help`, completion and every
message about a config are immediate.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

# The default of a field that must be given, as `omegaconf.MISSING`.
MISSING: Any = "???"


@dataclass(kw_only=True)
class Group:
    """Base of every config group. The roles of its fields are those of `dlhw.config.fields`."""

    def problems(self) -> Iterator[str]:
        """One sentence for each invalid value; empty if the group is valid by itself."""
        yield from ()


def does_nothing(setting: str, needed: str) -> str:
    """The problem of a setting that has no effect; ignoring it silently would mislead the user."""
    return f"{setting} does nothing without {needed}"


def at_least(key: str, value: float, low: float) -> Iterator[str]:
    """Problem unless `value` is finite and >= low."""
    if not (math.isfinite(value) and value >= low):
        yield f"{key} must be >= {low}, got {value}"


def positive(key: str, value: float) -> Iterator[str]:
    """Problem unless `value` is finite and > 0."""
    if not (math.isfinite(value) and value > 0):
        yield f"{key} must be > 0, got {value}"


def in_half_open(key: str, value: float, low: float, high: float) -> Iterator[str]:
    """Problem unless low <= value < high."""
    if not low <= value < high:
        yield f"{key} must be in [{low}, {high}), got {value}"
