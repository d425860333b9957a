"""Machine code of the compiled steps: made once on a machine, kept in a file, loaded in milliseconds.

numba turns `steps_of` into LLVM's intermediate text, LLVM turns that into an object file. The file is kept in
the user's cache folder under a name made of everything that it depends on; with it numba need not even be
imported. (numba's own cache would be one line, but it is read by unpickling.)
"""

import ctypes
import hashlib
import json
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dlhw import interruption
from dlhw.cache import cache_folder, read_private, write_private
from dlhw.kernels.abi import ARGUMENTS, Kind
from dlhw.terminal import spinner, warn

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


# How often the main thread looks for signals while another one compiles, in seconds.
LOOK_EVERY = 0.1
# LLVM recurses deeply; the default stack of a thread is half a MiB on some systems.
STACK_BYTES = 64 << 20


class CannotCompile(Exception):
    """Why this machine has no compiled steps; the message is a clause that follows "because"."""


def load_steps(dtype: torch.dtype) -> Callable[..., None]:
    """The compiled steps for float32 or float64; compiled first where no file of them is kept yet.

    Raises:
        CannotCompile: if numba or llvmlite is missing, switched off or fails.
        Interrupted: if a signal ends the process while it compiles.
    """
    steps = _steps_or_reason(dtype)
    if isinstance(steps, str):
        raise CannotCompile(steps)
    return steps


@cache
def _steps_or_reason(dtype: torch.dtype) -> Callable[..., None] | str:
    try:
        file = cache_folder() / f"steps-{NAMES[dtype]}-{_fingerprint()}.obj"
        code = _read(file)
        if code is None:
            code = _compile_in_thread(NAMES[dtype])
            _keep(file, code)
        return _linked(code, dtype)
    except ImportError as error:
        return f"numba or llvmlite cannot be imported ({_one_line(error)})"
    except CannotCompile as error:
        return str(error)
    except Exception as error:  # such as a numba that does not know this version of Python or numpy
        return f"numba or llvmlite fails with {type(error).__name__}: {_one_line(error)}"


def _one_line(error: Exception, longest: int = 200) -> str:
    return " ".join(str(error).split())[:longest]


def _compile_in_thread(real: str) -> bytes:
    """Compile in another thread, while this one shows that it waits and handles signals.

    llvmlite calls back into Python, where an exception that a signal handler raises would be dropped.
    Handlers run in the main thread only, so the main thread must not compile.
    """
    compiled: Future[bytes] = Future()

    def work() -> None:
        try:
            compiled.set_result(_compile(real))
        except BaseException as error:
            compiled.set_exception(error)

    before = threading.stack_size(STACK_BYTES)
    try:
        # a daemon: an interrupted process does not wait for it
        threading.Thread(target=work, name="dlhw-compile", daemon=True).start()
    finally:
        threading.stack_size(before)
    with spinner("compiling the training step for this machine, once; takes about half a minute"):
        while not wait([compiled], LOOK_EVERY).done:
            interruption.check()
    return compiled.result()


def _keep(file: Path, code: bytes) -> None:
    """Write it for the next time; where it cannot be written, it is compiled again then."""
    if not write_private(file, _packed(file.name, code)):
        warn(
            f"the compiled training step cannot be kept in {file.parent}, so the next command compiles "
            "again; XDG_CACHE_HOME=FOLDER keeps it elsewhere"
        )


@cache
def _llvm() -> Any:
    """llvmlite, ready for this machine; imported late because all but compiled steps works without it."""
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm


@cache
def _fingerprint() -> str:
    """Of this source, the compiler and the processor."""
    import llvmlite

    llvm = _llvm()
    total = hashlib.sha256()
    for source in sorted(Path(__file__).parent.glob("*.py")):
        total.update(source.read_bytes())
    about = [llvmlite.__version__, sys.platform, llvm.get_process_triple(), llvm.get_host_cpu_name()]
    about.append(llvm.get_host_cpu_features().flatten())
    return hashlib.sha256((total.hexdigest() + json.dumps(about)).encode()).hexdigest()[:24]


def _compile(real: str) -> bytes:
    from numba.core import config  # takes a third of a second

    if config.DISABLE_JIT:  # type: ignore[attr-defined]
        raise CannotCompile("NUMBA_DISABLE_JIT is set")
    from dlhw.kernels.numba_support import intermediate_text
    from dlhw.kernels.steps import steps_of

    text = intermediate_text(steps_of(getattr(np, real)), real, ENTRY)
    module, machine = _llvm().parse_assembly(text), _target_machine()
    _optimise(module, machine)
    return bytes(machine.emit_object(module))


def _optimise(module: Any, machine: Any) -> None:
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
    llvm = _llvm()
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
