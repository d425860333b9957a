"""From the steps in Python to LLVM's intermediate text; needs numba."""

import re

import numpy as np
from numba import cfunc, types

from dlhw.kernels.arguments import ARGUMENTS, Kind
from dlhw.kernels.steps import steps_of


def intermediate_text(real: str, entry: str) -> str:
    """LLVM's text of the steps for "float32" or "float64", as a C function called `entry`."""
    number = getattr(types, real)
    kinds = {
        Kind.real: number,
        Kind.integer: types.int64,
        Kind.reals: types.CPointer(number),
        Kind.integers: types.CPointer(types.int64),
        Kind.doubles: types.CPointer(types.float64),
    }
    signature = types.void(*(kinds[kind] for kind in ARGUMENTS.values()))
    text = cfunc(signature, error_model="numpy")(steps_of(getattr(np, real))).inspect_llvm()
    (name,) = re.findall(r"^define ptr @(cfunc\.\w+)\(", text, re.MULTILINE)
    return text.replace(f"@{name}(", f"@{entry}(")
