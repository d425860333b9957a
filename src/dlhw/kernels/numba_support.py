"""The only module that imports numba: decorators, operations that numba lacks, translation to LLVM's text.

What depends on numba's internals stands here, and `tests/kernels/test_numba_support.py` checks it against the
version that is installed: the data model of pointers and records, the builder that an intrinsic gets, how
functions' names are mangled, the option `OPT`, and the form of the text. Modules that import this one are
themselves imported only when steps are compiled.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from llvmlite import ir
from llvmlite.binding import get_process_triple
from numba import cfunc, from_dtype, njit
from numba.core import cgutils, config, types
from numba.extending import intrinsic as numba_intrinsic

_njit: Any = njit  # the last two options are not in its stubs
# These functions are never called from Python, so numba need not generate wrappers for it.
_UNWRAPPED = {"error_model": "numpy", "no_cpython_wrapper": True, "no_cfunc_wrapper": True}

compiled = _njit(**_UNWRAPPED)
# multiplying and adding in one instruction rounds once instead of twice
contracted = _njit(**_UNWRAPPED, fastmath={"contract"})
# sums may be reordered, which makes them vector instructions; NaN and infinity still show
reordered = _njit(**_UNWRAPPED, fastmath={"contract", "reassoc"})
# becomes part of the loop that calls it, before LLVM sees it
inlined = _njit(inline="always", error_model="numpy")


def select(functions: Sequence[Any]) -> Any:
    """Return the compiled function `call(code, *arguments)` that calls functions[code].

    A table of addresses would be shorter to write. But LLVM does not inline what is called by address, and
    numba's function types need addresses that are known only when the program runs, which an object file
    that is kept cannot hold. So a table becomes a chain of comparisons, in this one place. It takes four
    functions at a time, because numba compiles all that a function calls with each of its callers.
    """
    first, second, third, fourth = (*functions[:4], *[functions[-1]] * 3)[:4]
    if len(functions) <= 4:

        @compiled
        def call(code: int, *arguments: Any) -> Any:
            if code == 0:
                return first(*arguments)
            if code == 1:
                return second(*arguments)
            if code == 2:
                return third(*arguments)
            return fourth(*arguments)

        return call
    others = select(functions[4:])

    @compiled
    def call_or_others(code: int, *arguments: Any) -> Any:
        if code == 0:
            return first(*arguments)
        if code == 1:
            return second(*arguments)
        if code == 2:
            return third(*arguments)
        if code == 3:
            return fourth(*arguments)
        return others(code - 4, *arguments)

    return call_or_others


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
def record_at(typing: Any, pointer: Any, index: Any) -> Any:
    """The record at an index of an array of records; its fields are read by name."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        element = builder.gep(args[0], [args[1]])
        return builder.bitcast(element, context.get_value_type(pointer.dtype))

    return pointer.dtype(pointer, index), generate


def pointer_to(dtype: Any) -> Any:
    """Return the compiled function that makes an address (int64) a pointer to numbers or records."""
    target = types.CPointer(from_dtype(np.dtype(dtype)))

    @intrinsic
    def pointer_at(typing: Any, address: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return builder.inttoptr(args[0], context.get_value_type(target))

        return target(types.int64), generate

    return pointer_at


@intrinsic
def float_of_bits(typing: Any, bits: Any) -> Any:
    """The float32 that the bits of an int32 stand for."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], ir.FloatType())

    return types.float32(types.int32), generate


@intrinsic
def fetch_ahead(typing: Any, pointer: Any) -> Any:
    """Begin to load this address into the core's cache."""

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
    """Add to an int64 that other threads change too; return its value before."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.atomic_rmw("add", args[0], args[1], "seq_cst")

    return types.int64(pointer, types.int64), generate


@intrinsic
def load_acquire(typing: Any, pointer: Any) -> Any:
    """Load an int64 that other threads change; what they wrote before it is visible afterwards."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.load_atomic(args[0], "acquire", 8)

    return types.int64(pointer), generate


@intrinsic
def cpu_pause(typing: Any) -> Any:
    """Hint that this thread spins, so that another thread of the same core makes progress."""

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
    """Give this core to another thread."""

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

    Args:
        address: of the function, with Fortran's calling convention.
        ta, tb: character codes of N or T.
        m, n, k, lda, ldb, ldc: int64; Fortran's int is 32 bits wide.
        alpha, beta: numbers of the matrices' type.
        a, b, c: pointers.
    """
    characters, integers = (1, 2), (3, 4, 5, 8, 10, 13)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        by_reference = []
        for position, value in enumerate(args[1:], start=1):
            if position in characters or position in integers:
                narrow = ir.IntType(8 if position in characters else 32)
                value = builder.trunc(value, narrow)
            if not isinstance(signature.args[position], types.CPointer):
                value = cgutils.alloca_once_value(builder, value)
            by_reference.append(builder.bitcast(value, POINTER))
        function = ir.FunctionType(ir.VoidType(), [POINTER] * len(by_reference)).as_pointer()
        builder.call(builder.inttoptr(args[0], function), by_reference)
        return context.get_dummy_value()

    return types.void(address, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc), generate


# How numba mangles the name of `dlhw.kernels.loops`.
BLOCKED_LOOPS = "4dlhw7kernels5loops"


def is_disabled() -> bool:
    """Whether NUMBA_DISABLE_JIT is set."""
    return bool(config.DISABLE_JIT)  # type: ignore[attr-defined]


def llvm_text(function: Callable[..., None], argument: np.dtype[Any], entry: str) -> str:
    """Translate a function to LLVM's text, not optimized, as a C function.

    Args:
        function: of (pointer to a record, int64).
        argument: type of the record.
        entry: name of the C function.
    """
    signature = types.void(types.CPointer(from_dtype(argument)), types.int64)
    with _unoptimized():
        text = cfunc(signature, error_model="numpy")(function).inspect_llvm()
    (name,) = re.findall(r"^define \S+ @(cfunc\.\w+)\(", text, re.MULTILINE)
    return _without_inlining(text.replace(f"@{name}(", f"@{entry}("))


@contextmanager
def _unoptimized() -> Iterator[None]:
    """Let numba leave optimization to us: it would optimize each function anew with all that it calls, which
    takes 19 s instead of 8 s for all of them at once."""
    before = config.OPT  # type: ignore[attr-defined]
    config.OPT = type(before)(0)  # type: ignore[attr-defined]
    try:
        yield
    finally:
        config.OPT = before  # type: ignore[attr-defined]


def _without_inlining(text: str) -> str:
    """Keep the blocked loops functions of their own: inlined into others they lose half of their speed."""
    return re.sub(rf"^(define .*@\S*{BLOCKED_LOOPS}\S*\(.*\))", r"\1 noinline", text, flags=re.MULTILINE)
