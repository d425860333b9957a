"""Machine code of the compiled steps: made once on a machine, kept in a file, loaded in milliseconds.

numba turns `steps_of` into LLVM's intermediate text, LLVM turns that into an object file. The file is kept in
the user's cache folder under a name made of everything that it depends on; with it numba need not even be
imported. (numba's own cache would be one line, but it is read by unpickling.)
"""

import ctypes
import hashlib
import json
import logging
import sys
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import llvmlite
import llvmlite.binding as llvm
import torch

from dlhw.cache import cache_folder, read_private, write_private
from dlhw.kernels.arguments import ARGUMENTS, Kind

log = logging.getLogger(__name__)

ENTRY = "dlhw_steps"
NAMES = {torch.float32: "float32", torch.float64: "float64"}
REALS = {torch.float32: ctypes.c_float, torch.float64: ctypes.c_double}
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
def load_steps(dtype: torch.dtype) -> Callable[..., None]:
    """The compiled steps for float32 or float64; compiled first where no file of them is kept yet."""
    _initialise()
    file = cache_folder() / f"steps-{NAMES[dtype]}-{_fingerprint()}.obj"
    found = _read(file)
    if found is None:
        log.info("compiling the training step for this machine, once: a quarter of a minute")
        found = _compile(NAMES[dtype])
        _keep(file, found)
    return _linked(found, dtype)


def _keep(file: Path, code: bytes) -> None:
    """Write it for the next time; where there is no place for it, it is compiled again then."""
    write_private(file, _packed(file.name, code))


@cache
def _initialise() -> None:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()


@cache
def _fingerprint() -> str:
    """Of this source, the compiler and the processor."""
    total = hashlib.sha256()
    for source in sorted(Path(__file__).parent.glob("*.py")):
        total.update(source.read_bytes())
    about = [llvmlite.__version__, sys.platform, llvm.get_process_triple(), llvm.get_host_cpu_name()]
    about.append(llvm.get_host_cpu_features().flatten())
    return hashlib.sha256((total.hexdigest() + json.dumps(about)).encode()).hexdigest()[:24]


def _compile(real: str) -> bytes:
    from dlhw.kernels.compiling import intermediate_text  # numba takes a third of a second to import

    module, machine = llvm.parse_assembly(intermediate_text(real, ENTRY)), _target_machine()
    _optimise(module, machine)
    return bytes(machine.emit_object(module))


def _optimise(module: Any, machine: Any) -> None:
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
    target = llvm.Target.from_triple(llvm.get_process_triple())
    features = llvm.get_host_cpu_features().flatten()
    return target.create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=features, opt=3, reloc="pic", codemodel="jitdefault", jit=True
    )


def _packed(name: str, code: bytes) -> bytes:
    """The code behind its checksum, which also covers the file's name and the compiler's version."""
    about = f"{name}\0{version('numba')}\0".encode()
    return hashlib.sha256(about + code).digest() + code


def _read(file: Path) -> bytes | None:
    """A kept object file; None if there is none, it is damaged, renamed, or others could have written it."""
    content = read_private(file)
    if content is None:
        return None
    code = content[32:]
    return code if content == _packed(file.name, code) else None


def _linked(code: bytes, dtype: torch.dtype) -> Callable[..., None]:
    abort = ctypes.cast(ctypes.CDLL(None).abort, ctypes.c_void_p).value
    for name in NEVER_CALLED:
        if llvm.address_of_symbol(name) is None:
            llvm.add_symbol(name, abort)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _target_machine())
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    kinds = {Kind.real: REALS[dtype], Kind.integer: ctypes.c_int64}
    types: list[Any] = [kinds.get(kind, ctypes.c_void_p) for kind in ARGUMENTS.values()]
    function = ctypes.CFUNCTYPE(None, *types)(engine.get_function_address(ENTRY))
    function.engine = engine  # type: ignore[attr-defined]  # the code lives as long as its engine
    return function
