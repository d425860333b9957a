"""LLVM through llvmlite, and the matrix product of the machine's BLAS; nothing here needs numba.

What depends on the internals of llvmlite, MKL, torch's library or SciPy stands here; what depends on numba's,
in `dlhw.kernels.numba_support`. They are two modules because code that has been kept is linked without numba,
whose import takes a third of a second. `tests/kernels/test_llvm_support.py` tests it with what is installed.
"""

import ctypes
import sys
from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

# Fortran names: gemm of float32 and of float64.
GEMM_NAMES = {torch.float32: "sgemm", torch.float64: "dgemm"}
# MKL's setting of the number of threads for products that the calling thread asks for.
SET_THREADS_LOCAL = "MKL_Set_Num_Threads_Local"
# numba's wrapper of a C function would call these if an exception left it, which none does: no operation in
# it raises. The linker still wants addresses.
NEVER_CALLED = (
    "numba_gil_ensure",
    "numba_gil_release",
    "numba_unpickle",
    "numba_runtime_build_excinfo_struct",
    "numba_do_raise",
    "NRT_Free",
)


@cache
def _llvm() -> Any:
    """Return llvmlite, ready for this machine; imported late because only compiled steps need it."""
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm


def describe_machine() -> list[str]:
    """Return all that machine code depends on besides its source: llvmlite's version and the processor."""
    import llvmlite

    llvm = _llvm()
    return [
        llvmlite.__version__,
        sys.platform,
        llvm.get_process_triple(),
        llvm.get_host_cpu_name(),
        llvm.get_host_cpu_features().flatten(),
    ]


def emit_object(text: str) -> bytes:
    """Optimize LLVM's text and return the object file for this machine."""
    module, machine = _llvm().parse_assembly(text), _target_machine()
    _optimize(module, machine)
    return bytes(machine.emit_object(module))


def link(code: bytes, entry: str) -> Callable[[int, int], None]:
    """Load an object file and return its function `entry` of (address, int64)."""
    llvm = _llvm()
    abort = ctypes.cast(ctypes.CDLL(None).abort, ctypes.c_void_p).value
    for name in NEVER_CALLED:
        if llvm.address_of_symbol(name) is None:
            llvm.add_symbol(name, abort)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _target_machine())
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    prototype = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64)
    function = prototype(engine.get_function_address(entry))
    function.engine = engine  # type: ignore[attr-defined]  # the code lives as long as its engine
    return function


def _optimize(module: Any, machine: Any) -> None:
    llvm = _llvm()
    options = llvm.create_pipeline_tuning_options(speed_level=3)
    options.loop_vectorization = True
    builder = llvm.create_pass_builder(machine, options)
    # loops must be rotated first, or many of them do not become vector instructions
    early = llvm.create_new_module_pass_manager()
    early.add_loop_rotate_pass()
    early.add_instruction_combine_pass()
    early.add_jump_threading_pass()
    for passes in (early, builder.getModulePassManager()):
        passes.run(module, builder)


def _target_machine() -> Any:
    llvm = _llvm()
    target = llvm.Target.from_triple(llvm.get_process_triple())
    features = llvm.get_host_cpu_features().flatten()
    return target.create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=features, opt=3, reloc="pic", codemodel="jitdefault", jit=True
    )


@cache
def gemm_address(dtype: torch.dtype) -> int:
    """Return the address of ?gemm with Fortran's calling convention.

    torch's own, where its library exports one: it obeys torch's number of threads, and is what torch's
    products use. Else SciPy's.
    """
    name = GEMM_NAMES[dtype]
    return address_in_torch(f"{name}_") or address_in_scipy(name)


@cache
def can_use_one_thread() -> bool:
    """Whether products of one thread can be kept from using other threads: MKL's can."""
    return address_in_torch("sgemm_") is not None and address_in_torch(SET_THREADS_LOCAL) is not None


def use_one_thread() -> None:
    """Let this thread's products use no other threads, where that is possible."""
    address = address_in_torch(SET_THREADS_LOCAL)
    if address is not None:
        ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(address)(1)


def address_in_torch(name: str) -> int | None:
    """Return the address of a function that torch's library exports, None if it exports none."""
    library = Path(torch.__file__).parent / "lib" / "libtorch_cpu.so"
    try:
        function = getattr(ctypes.CDLL(str(library)), name)
    except (OSError, AttributeError):
        return None
    return ctypes.cast(function, ctypes.c_void_p).value


def address_in_scipy(name: str) -> int:
    """Return the address of a BLAS function of SciPy's."""
    capsule = import_module("scipy.linalg.cython_blas").__pyx_capi__[name]
    name_of, pointer_of = ctypes.pythonapi.PyCapsule_GetName, ctypes.pythonapi.PyCapsule_GetPointer
    name_of.restype, name_of.argtypes = ctypes.c_char_p, [ctypes.py_object]
    pointer_of.restype, pointer_of.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    address = pointer_of(capsule, name_of(capsule))
    assert isinstance(address, int)
    return address
