"""Machine code of the compiled steps: made once on a machine, kept in a file, loaded in milliseconds.

numba translates `dlhw.kernels.steps` to LLVM's text, LLVM makes an object file of it. The file is kept in
the user's cache folder under a name made of everything that it depends on; with it numba need not even be
imported. (numba's own cache would be one line, but it is read by unpickling.)
"""

import hashlib
import json
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import torch

from dlhw import interruption
from dlhw.cache import cache_folder, read_private, write_private
from dlhw.kernels.abi import call_type
from dlhw.kernels.llvm_support import describe_machine, emit_object, link
from dlhw.terminal import spinner, warn

ENTRY = "dlhw_steps"
REALS: dict[torch.dtype, type] = {torch.float32: np.float32, torch.float64: np.float64}
# How often the main thread checks for signals while another one compiles, in seconds.
POLL_SECONDS = 0.1
# LLVM recurses deeply; the default stack of a thread is half a MiB on some systems.
STACK_BYTES = 64 << 20


class CannotCompile(Exception):
    """Why this machine has no compiled steps; the message is a clause that follows "because"."""


def load_steps(dtype: torch.dtype) -> Callable[[int, int], None]:
    """Return the compiled steps for float32 or float64; compile them first where they are not in the cache.

    The function takes the address of a record (see `dlhw.kernels.abi.CALL`) and the number of a thread.

    Raises:
        CannotCompile: if numba or llvmlite is missing, switched off or fails.
        Interrupted: if a signal ends the process while it compiles.
    """
    steps = _steps_or_reason(dtype)
    if isinstance(steps, str):
        raise CannotCompile(steps)
    return steps


@cache
def _steps_or_reason(dtype: torch.dtype) -> Callable[[int, int], None] | str:
    try:
        file = cache_folder() / f"steps-{REALS[dtype].__name__}-{fingerprint()}.obj"
        code = load(file)
        if code is None:
            code = _compile_in_thread(dtype)
            store(file, code)
        return link(code, ENTRY)
    except PackageNotFoundError as error:
        return f"{error.name} is not installed (pip install 'dlhw[compiled]')"
    except ImportError as error:
        return f"numba or llvmlite cannot be imported ({_one_line(error)})"
    except CannotCompile as error:
        return str(error)
    except Exception as error:  # such as a numba that does not know this version of Python or numpy
        return f"numba or llvmlite fails with {type(error).__name__}: {_one_line(error)}"


def _one_line(error: Exception, longest: int = 200) -> str:
    return " ".join(str(error).split())[:longest]


def _compile_in_thread(dtype: torch.dtype) -> bytes:
    """Compile in another thread, while this one shows that it waits and handles signals.

    llvmlite calls back into Python, where an exception that a signal handler raises would be dropped.
    Handlers run in the main thread only, so the main thread must not compile.
    """
    code: Future[bytes] = Future()

    def work() -> None:
        try:
            code.set_result(_compile(dtype))
        except BaseException as error:
            code.set_exception(error)

    before = threading.stack_size(STACK_BYTES)
    try:
        # a daemon: an interrupted process does not wait for it
        threading.Thread(target=work, name="dlhw-compile", daemon=True).start()
    finally:
        threading.stack_size(before)
    with spinner("compiling the training step for this machine, once; takes up to a minute"):
        while not wait([code], POLL_SECONDS).done:
            interruption.check()
    return code.result()


def _compile(dtype: torch.dtype) -> bytes:
    from dlhw.kernels import numba_support  # takes a third of a second

    if numba_support.is_disabled():
        raise CannotCompile("NUMBA_DISABLE_JIT is set")
    from dlhw.kernels.steps import make_steps

    real = REALS[dtype]
    return emit_object(numba_support.llvm_text(make_steps(real), call_type(real), ENTRY))


@cache
def fingerprint() -> str:
    """Return a hash of the source of this package, the compiler's versions and the processor."""
    source = hashlib.sha256()
    for file in sorted(Path(__file__).parent.glob("*.py")):
        source.update(file.read_bytes())
    about = [source.hexdigest(), version("numba"), *describe_machine()]
    return hashlib.sha256(json.dumps(about).encode()).hexdigest()[:24]


def store(file: Path, code: bytes) -> None:
    """Keep an object file for the next time; where it cannot be written, it is compiled again then."""
    if not write_private(file, _with_checksum(file.name, code)):
        warn(
            f"the compiled training step cannot be kept in {file.parent}, so the next command compiles "
            "again; XDG_CACHE_HOME=FOLDER keeps it elsewhere"
        )


def load(file: Path) -> bytes | None:
    """Return a kept object file; None if it is missing, damaged, renamed, or others could have written it."""
    content = read_private(file)
    if content is None:
        return None
    code = content[hashlib.sha256().digest_size :]
    return code if content == _with_checksum(file.name, code) else None


def _with_checksum(name: str, code: bytes) -> bytes:
    """Return the code behind its checksum, which also covers the file's name."""
    return hashlib.sha256(f"{name}\0".encode() + code).digest() + code
