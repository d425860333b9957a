"""What compiled code needs and numba lacks: pointer arithmetic, bits of a float, calls by address, and what
threads share by."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from llvmlite import ir
from llvmlite.binding import get_process_triple
from numba import cfunc, njit
from numba.core import cgutils, config, types
from numba.extending import intrinsic as numba_intrinsic

from dlhw.kernels.abi import ARGUMENTS, Kind

_njit: Any = njit  # the last two options are not in its stubs
# None of them is ever called from Python: numba need not make what that would take.
_UNWRAPPED = {"error_model": "numpy", "no_cpython_wrapper": True, "no_cfunc_wrapper": True}

compiled = _njit(**_UNWRAPPED)
# multiplying and adding in one instruction rounds once instead of twice
contracted = _njit(**_UNWRAPPED, fastmath={"contract"})
# sums may be reordered, which makes them vector instructions; NaN and infinity still show
reordered = _njit(**_UNWRAPPED, fastmath={"contract", "reassoc"})


POINTER = cgutils.voidptr_t
# in the code that calls it, an intrinsic lacks the first of its arguments: a type checker cannot know
intrinsic: Any = numba_intrinsic


@intrinsic
def offset(typing: Any, pointer: Any, count: Any) -> Any:
    """pointer + count, in elements."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.gep(args[0], [args[1]])

    return pointer(pointer, count), generate


@intrinsic
def float_of_bits(typing: Any, bits: Any) -> Any:
    """The float32 that the bits of an int32 stand for."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], ir.FloatType())

    return types.float32(types.int32), generate


@intrinsic
def fetch_ahead(typing: Any, pointer: Any) -> Any:
    """Begin to bring what lies there into the core's cache."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        number = ir.IntType(32)
        function = ir.FunctionType(ir.VoidType(), [POINTER, number, number, number])
        fetch = cgutils.get_or_insert_function(builder.module, function, "llvm.prefetch.p0")
        address = builder.bitcast(args[0], POINTER)
        builder.call(fetch, [address, number(0), number(3), number(1)])  # to be read, often, as data
        return context.get_dummy_value()

    return types.void(pointer), generate


@intrinsic
def atomic_add(typing: Any, pointer: Any, value: Any) -> Any:
    """Add to an int64 that other threads change too; return what it was."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.atomic_rmw("add", args[0], args[1], "seq_cst")

    return types.int64(pointer, types.int64), generate


@intrinsic
def load_acquire(typing: Any, pointer: Any) -> Any:
    """An int64 that other threads change, and with it all that they wrote before."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.load_atomic(args[0], "acquire", 8)

    return types.int64(pointer), generate


@intrinsic
def cpu_pause(typing: Any) -> Any:
    """Tell the core that this thread only waits, so that another thread of the same core gets on."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        processor = get_process_triple().split("-")[0]
        if processor == "x86_64":
            function = ir.FunctionType(ir.VoidType(), [])
            builder.call(cgutils.get_or_insert_function(builder.module, function, "llvm.x86.sse2.pause"), [])
        elif processor in ("aarch64", "arm64"):
            function, number = ir.FunctionType(ir.VoidType(), [ir.IntType(32)]), ir.IntType(32)(1)
            hint = cgutils.get_or_insert_function(builder.module, function, "llvm.aarch64.hint")
            builder.call(hint, [number])
        return context.get_dummy_value()

    return types.void(), generate


@intrinsic
def yield_core(typing: Any) -> Any:
    """Let another thread have this core."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        function = ir.FunctionType(ir.IntType(32), [])
        builder.call(cgutils.get_or_insert_function(builder.module, function, "sched_yield"), [])
        return context.get_dummy_value()

    return types.void(), generate


@intrinsic
def call_gemm(
    typing: Any, address: Any, ta: Any, tb: Any, m: Any, n: Any, k: Any, alpha: Any, a: Any, lda: Any,
    b: Any, ldb: Any, beta: Any, c: Any, ldc: Any,
) -> Any:  # fmt: skip
    """?gemm: C <- alpha op(A) op(B) + beta C, all matrices by columns.

    Transpositions are the character codes of N and T, sizes int64 (Fortran's int is 32 bits wide).
    """
    characters, integers = (1, 2), (3, 4, 5, 8, 10, 13)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        by_reference = []
        for place, value in enumerate(args[1:], start=1):
            if place in characters or place in integers:
                narrow = ir.IntType(8 if place in characters else 32)
                value = builder.trunc(value, narrow)
            if not isinstance(signature.args[place], types.CPointer):
                value = cgutils.alloca_once_value(builder, value)
            by_reference.append(builder.bitcast(value, POINTER))
        function = ir.FunctionType(ir.VoidType(), [POINTER] * len(by_reference)).as_pointer()
        builder.call(builder.inttoptr(args[0], function), by_reference)
        return context.get_dummy_value()

    return types.void(address, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc), generate


# What numba makes of the name of `dlhw.kernels.loops`.
BLOCKED_LOOPS = "4dlhw7kernels5loops"


def intermediate_text(steps: Any, real: str, entry: str) -> str:
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
        text = cfunc(signature, error_model="numpy")(steps).inspect_llvm()
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
