"""The same bits each time, where torch has algorithms for that; and which operations had none."""

import os
import re
import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

import torch

# How torch begins its warning of an operation, such as `scatter_add_cuda_kernel`.
WARNED = re.compile(r"(\S+) does not have a deterministic implementation")
_seen: set[str] = set()


def be_deterministic() -> None:
    """Choose deterministic algorithms from now on; torch warns of an operation that has none, and goes on.

    cuBLAS reads its setting when it is first used.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=True)
    _listen()


@cache  # once: each listener tells the one before it
def _listen() -> None:
    """Note what torch warns of. It has no other way to ask, and warns while the operation runs."""
    tell: Callable[..., None] = warnings.showwarning

    def note(message: Warning | str, *args: Any, **kwargs: Any) -> None:
        if (warned := WARNED.match(str(message))) is not None:
            _seen.add(warned[1])
        tell(message, *args, **kwargs)

    warnings.showwarning = note


def determinism(device: str) -> dict[str, Any]:
    """For a summary: whether the same seed gives the same bits, and the operations for which that is open.

    The operations are those of the whole process so far, so a sweep's later runs may name an earlier one's.

    Args:
        device: that the run trained on; on the CPU all algorithms in use are deterministic.
    """
    if not device.startswith("cuda"):
        return {"deterministic": True, "nondeterministic": []}
    is_on = torch.are_deterministic_algorithms_enabled()
    return {"deterministic": is_on and not _seen, "nondeterministic": sorted(_seen)}
