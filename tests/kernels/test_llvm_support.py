"""What dlhw relies upon of llvmlite and of BLAS: code is linked and called, and the matrix product is found."""

import ctypes

import pytest
import torch

from dlhw.kernels.llvm_support import (
    GEMM_NAMES,
    address_in_scipy,
    address_in_torch,
    describe_machine,
    emit_object,
    gemm_address,
    link,
)


@pytest.mark.parametrize("dtype", GEMM_NAMES)
@pytest.mark.parametrize("source", [address_in_torch, address_in_scipy])
def test_product_by_columns(source: object, dtype: torch.dtype) -> None:
    address = source(GEMM_NAMES[dtype])  # type: ignore[operator]
    if address is None:
        pytest.skip("torch's library exports no gemm on this platform")
    real = ctypes.c_float if dtype is torch.float32 else ctypes.c_double
    a, b = (torch.randn(3, 5, dtype=dtype), torch.randn(5, 4, dtype=dtype))
    c = torch.zeros(3, 4, dtype=dtype)
    sizes = [ctypes.byref(ctypes.c_int(size)) for size in (4, 3, 5)]
    lead = [ctypes.byref(ctypes.c_int(size)) for size in (4, 5, 4)]
    one, zero = ctypes.byref(real(1)), ctypes.byref(real(0))
    pointers = [ctypes.c_void_p(matrix.data_ptr()) for matrix in (b, a, c)]
    gemm = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 13)(address)
    none = ctypes.c_char_p(b"N")
    # rows of c = a b are columns of b^T a^T
    arguments = [
        none,
        none,
        *sizes,
        one,
        pointers[0],
        lead[0],
        pointers[1],
        lead[1],
        zero,
        pointers[2],
        lead[2],
    ]
    gemm(*(ctypes.cast(argument, ctypes.c_void_p) for argument in arguments))  # type: ignore[arg-type]
    torch.testing.assert_close(c, a @ b)


def test_an_address_is_found() -> None:
    assert all(gemm_address(dtype) for dtype in GEMM_NAMES)


STORE = """
define void @store({pointer} %0, i64 %1) {{
  store i64 %1, {pointer} %0
  ret void
}}
"""


def test_code_is_optimized_emitted_linked_and_called() -> None:
    pointer = "ptr" if takes_opaque_pointers() else "i64*"
    value = ctypes.c_int64()
    store = link(emit_object(STORE.format(pointer=pointer)), "store")
    store(ctypes.addressof(value), 7)
    assert value.value == 7


def takes_opaque_pointers() -> bool:
    """Whether this llvmlite reads pointers without a type."""
    import llvmlite.binding as llvm

    try:
        llvm.parse_assembly(STORE.format(pointer="ptr"))
    except RuntimeError:
        return False
    return True


def test_machine_code_depends_on_the_version_of_llvmlite_and_the_processor() -> None:
    import llvmlite

    about = describe_machine()
    assert about[0] == llvmlite.__version__
    assert all(about)
