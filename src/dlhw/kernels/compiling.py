"""From the steps in Python to LLVM's intermediate text; needs numba."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numba import cfunc, types
from numba.core import config

from dlhw.kernels.arguments import ARGUMENTS, Kind
from dlhw.kernels.steps import steps_of

# What numba makes of the name of `dlhw.kernels.loops`.
BLOCKED_LOOPS = "4dlhw7kernels5loops"


def intermediate_text(real: str, entry: str) -> str:
    """LLVM's text of the steps for "float32" or "float64", not optimised, as a C function called `entry`."""
    number = getattr(types, real)
    kinds = {
        Kind.real: number,
        Kind.integer: types.int64,
        Kind.reals: types.CPointer(number),
        Kind.integers: types.CPointer(types.int64),
        Kind.shorts: types.CPointer(types.int32),
        Kind.doubles: types.CPointer(types.float64),
    }
    signature = types.void(*(kinds[kind] for kind in ARGUMENTS.values()))
    with _as_written():
        text = cfunc(signature, error_model="numpy")(steps_of(getattr(np, real))).inspect_llvm()
    (name,) = re.findall(r"^define ptr @(cfunc\.\w+)\(", text, re.MULTILINE)
    return _kept_apart(text.replace(f"@{name}(", f"@{entry}("))


@contextmanager
def _as_written() -> Iterator[None]:
    """numba does not optimise: it would do so anew for each function and all that it calls, which takes 19 s
    instead of 8 s with all of it optimised at once."""
    before = config.OPT  # type: ignore[attr-defined]
    config.OPT = type(before)(0)  # type: ignore[attr-defined]
    try:
        yield
    finally:
        config.OPT = before  # type: ignore[attr-defined]


def _kept_apart(text: str) -> str:
    """The blocked loops stay functions of their own: merged into others they lose half of their speed."""
    return re.sub(rf"^(define .*@\S*{BLOCKED_LOOPS}\S*\(.*\))", r"\1 noinline", text, flags=re.MULTILINE)
