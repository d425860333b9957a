"""Names of the tensors in a checkpoint: a section, a slash, and the name within the section."""

from collections.abc import Mapping
from typing import TypeVar

Tensor = TypeVar("Tensor")

PARAMETERS, OPTIMIZER, BEST = "parameters", "optimizer", "best"
METRICS, RNG, GRADIENTS = "running", "streams", "gradients"


def with_prefix(section: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Put tensors into a section.

    >>> with_prefix("parameters", {"fc1.weight": 1})
    {'parameters/fc1.weight': 1}
    """
    return {f"{section}/{name}": tensor for name, tensor in tensors.items()}


def under(section: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a section, without its prefix: the inverse of `with_prefix`."""
    prefix = f"{section}/"
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
