"""Where the matrix product of the machine's BLAS lies in memory, for compiled code to call."""

import ctypes
from functools import cache
from importlib import import_module
from pathlib import Path

import torch

# Fortran names: gemm of float32 and of float64.
NAMES = {torch.float32: "sgemm", torch.float64: "dgemm"}
# MKL's number of threads for products that the calling thread asks for.
OF_THIS_THREAD = "MKL_Set_Num_Threads_Local"


@cache
def gemm_address(dtype: torch.dtype) -> int:
    """Address of ?gemm with Fortran's calling convention.

    torch's own, where its library exports one: it obeys torch's number of threads, and is what torch's
    products use. Else SciPy's.
    """
    name = NAMES[dtype]
    return _of_torch(f"{name}_") or _of_scipy(name)


@cache
def can_use_one_thread() -> bool:
    """Whether a thread can be told that its products use no other threads: MKL's can."""
    return _of_torch("sgemm_") is not None and _of_torch(OF_THIS_THREAD) is not None


def use_one_thread() -> None:
    """Let this thread's products use no other threads, where that is possible."""
    address = _of_torch(OF_THIS_THREAD)
    if address is not None:
        ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(address)(1)


def _of_torch(name: str) -> int | None:
    library = Path(torch.__file__).parent / "lib" / "libtorch_cpu.so"
    try:
        function = getattr(ctypes.CDLL(str(library)), name)
    except (OSError, AttributeError):
        return None
    return ctypes.cast(function, ctypes.c_void_p).value


def _of_scipy(name: str) -> int:
    capsule = import_module("scipy.linalg.cython_blas").__pyx_capi__[name]
    name_of, pointer_of = ctypes.pythonapi.PyCapsule_GetName, ctypes.pythonapi.PyCapsule_GetPointer
    name_of.restype, name_of.argtypes = ctypes.c_char_p, [ctypes.py_object]
    pointer_of.restype, pointer_of.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    address = pointer_of(capsule, name_of(capsule))
    assert isinstance(address, int)
    return address
