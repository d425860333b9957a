"""What dlhw relies upon of the numba that is installed, each alone: an upgrade that breaks it is named here."""

import ast
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dlhw.kernels
from dlhw.kernels import numba_support
from dlhw.kernels.llvm_support import emit_object, gemm_address, link
from dlhw.kernels.loops import add_rows
from dlhw.kernels.numba_support import (
    atomic_add,
    call_gemm,
    compiled,
    cpu_pause,
    fetch_ahead,
    float_of_bits,
    inlined,
    llvm_text,
    load_acquire,
    offset,
    pointer_to,
    record_at,
    reordered,
    select,
    yield_core,
)

PAIR = np.dtype([("first", np.int64), ("second", np.int64)], align=True)
# a float before an int64: the fields must lie where a C compiler would lay them
ARGUMENT = np.dtype(
    [("small", np.float32), ("pairs", np.int64), ("numbers", np.int64), ("count", np.int64)], align=True
)
doubles, integers, pairs = pointer_to(np.float64), pointer_to(np.int64), pointer_to(PAIR)


def call(function: Callable[..., None], numbers: Any, part: int = 0, table: Any = None) -> None:
    """Compile a function as the steps are compiled, and call it."""
    argument = np.zeros(1, ARGUMENT)
    argument["numbers"], argument["count"], argument["small"] = numbers.ctypes.data, len(numbers), 0.5
    if table is not None:
        argument["pairs"] = table.ctypes.data
    link(emit_object(llvm_text(function, ARGUMENT, "entry")), "entry")(argument.ctypes.data, part)


def test_fields_of_records_are_read_by_name() -> None:
    table = np.array([(1, 2), (30, 40)], PAIR)
    numbers = np.zeros(3)

    def read(arguments: Any, part: int) -> None:
        argument = record_at(arguments, 0)
        to, pair = doubles(argument.numbers), record_at(pairs(argument.pairs), part)
        to[0], to[1], to[2] = float(pair.first), float(pair.second), float(argument.small)

    call(read, numbers, 1, table)
    assert numbers.tolist() == [30, 40, 0.5]


@pytest.mark.parametrize("code", range(5))
def test_select_calls_the_function_of_a_code(code: int) -> None:
    @compiled
    def add(x: float, y: float) -> float:
        return x + y

    @compiled
    def multiply(x: float, y: float) -> float:
        return x * y

    @compiled
    def subtract(x: float, y: float) -> float:
        return x - y

    chosen = select([add, multiply, subtract, add, multiply])

    def store(arguments: Any, part: int) -> None:
        to = doubles(record_at(arguments, 0).numbers)
        to[0] = chosen(part, to[0], to[1])

    numbers = np.array([5.0, 3.0])
    call(store, numbers, code)
    assert numbers[0] == [8, 15, 2, 8, 15][code]


def test_intrinsics() -> None:
    @inlined
    def half(x: float) -> float:
        return x / 2

    @reordered
    def total(values: Any, count: int) -> float:
        result = 0.0
        for i in range(count):
            result += values[i]
        return result

    def use(arguments: Any, part: int) -> None:
        argument = record_at(arguments, 0)
        to = doubles(argument.numbers)
        fetch_ahead(offset(to, 1))
        cpu_pause()
        yield_core()
        to[0] = total(offset(to, 1), argument.count - 1)
        to[1] = float(float_of_bits(np.int32(0x40490FDB)))
        to[2] = half(to[2])

    numbers = np.array([0.0, 1, 2, 3])
    call(use, numbers)
    assert numbers[0] == 6
    assert numbers[1] == pytest.approx(math.pi)
    assert numbers[2] == 1


def test_atomic_operations() -> None:
    counts = np.array([5, 0], np.int64)

    def count(arguments: Any, part: int) -> None:
        to = integers(record_at(arguments, 0).numbers)
        before = atomic_add(to, 2)
        to[1] = before * 100 + load_acquire(to)

    call(count, counts)
    assert counts.tolist() == [7, 507]


def test_gemm_is_called_by_address() -> None:
    import torch

    address = gemm_address(torch.float64)
    numbers = np.array([1.0, 2, 3, 4, 0, 0, 0, 0])

    def square(arguments: Any, part: int) -> None:
        a = doubles(record_at(arguments, 0).numbers)
        call_gemm(address, 78, 78, part, part, part, 1.0, a, part, a, part, 0.0, offset(a, 4), part)

    call(square, numbers, 2)
    assert numbers[4:].tolist() == [7, 10, 15, 22]


def test_blocked_loops_are_kept_apart() -> None:
    def call_loop(arguments: Any, part: int) -> None:
        x = doubles(record_at(arguments, 0).numbers)
        add_rows(x, x, part, part, x, part, part, 1.0)

    lines = llvm_text(call_loop, ARGUMENT, "entry").splitlines()
    loops = [line for line in lines if line.startswith("define") and "add_rows" in line]
    assert loops
    assert all(" noinline" in line for line in loops)
    assert sum(line.startswith("define") and "@entry(" in line for line in lines) == 1


def test_numba_does_not_optimize_and_its_setting_is_restored() -> None:
    config: Any = numba_support.config
    before = config.OPT

    def nothing(arguments: Any, part: int) -> None:
        pass

    llvm_text(nothing, ARGUMENT, "entry")
    assert config.OPT is before


def test_one_module_imports_numba_and_one_more_llvmlite() -> None:
    importers: dict[str, set[str]] = {"numba": set(), "llvmlite": set(), "ctypes": set()}
    for file in Path(dlhw.kernels.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            for name in names:
                if (package := name.split(".")[0]) in importers:
                    importers[package].add(file.stem)
    assert importers["numba"] == {"numba_support"}
    assert importers["llvmlite"] == {"numba_support", "llvm_support"}
    assert importers["ctypes"] == {"llvm_support"}
