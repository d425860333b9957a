"""How functions are compiled that compiled functions call."""

from typing import Any

from numba import njit

_njit: Any = njit  # the last two options are not in its stubs
# None of them is ever called from Python: numba need not make what that would take.
_UNWRAPPED = {"error_model": "numpy", "no_cpython_wrapper": True, "no_cfunc_wrapper": True}

compiled = _njit(**_UNWRAPPED)
# multiplying and adding in one instruction rounds once instead of twice
contracted = _njit(**_UNWRAPPED, fastmath={"contract"})
# sums may be reordered, which makes them vector instructions; NaN and infinity still show
reordered = _njit(**_UNWRAPPED, fastmath={"contract", "reassoc"})
