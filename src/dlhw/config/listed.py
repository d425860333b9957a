"""What the entries of an experiment's lists have in common."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from dlhw.config.group import Group


@dataclass(kw_only=True)
class Listed(Group):
    """An entry of one of the lists of an experiment; its problems are told with its place in the list."""

    place: ClassVar[str] = ""

    def problems_at(self, key: str) -> Iterator[str]:
        """As `problems`, of the entry `key`, such as `experiment.checks[0]`."""
        yield from ()


def bounds_problems(key: str, low: float | None, high: float | None) -> Iterator[str]:
    """Problem unless the bounds that are given are numbers, low before high."""
    if any(bound is not None and math.isnan(bound) for bound in (low, high)):
        yield f"{key}.low and high must be numbers"
    elif low is not None and high is not None and low > high:
        yield f"{key}.low must be <= high, got {low} and {high}"
