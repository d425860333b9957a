"""What every config group has in common: plain dataclass fields and a list of its own problems.

The config package imports neither torch nor any data library, so that `--help`, completion and every
message about a config come at once.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

PER_RUN = "per_run"
ASIDE = "aside"
LOCATION = "location"


@dataclass(kw_only=True)
class Group:
    """Base of every config group. Fields marked with `per_run` may differ between the runs of a cohort."""

    def problems(self) -> Iterator[str]:
        """Say, one sentence each, which values cannot be; empty when the group is sound by itself."""
        yield from ()


def per_run(default: Any) -> Any:
    """A field whose values become a tensor of length `runs`, so that runs differing in it share a cohort."""
    return field(default=default, metadata={PER_RUN: True})


def aside(default: Any) -> Any:
    """A field that says something of a run but changes nothing that it computes: no part of what a run is."""
    return field(default=default, metadata={ASIDE: True})


def location(default: Any) -> Any:
    """A field that says where files lie or how they are fetched; runs differ by the content of the files."""
    return field(default=default, metadata={LOCATION: True})


def does_nothing(setting: str, needed: str) -> str:
    """The problem of a setting that nothing reads: silence would let a user believe in it."""
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
