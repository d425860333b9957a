"""The matrix product that compiled code calls."""

import ctypes

import pytest
import torch

from dlhw.kernels.blas import NAMES, _of_scipy, _of_torch, gemm_address


@pytest.mark.parametrize("dtype", NAMES)
@pytest.mark.parametrize("source", [_of_torch, _of_scipy])
def test_product_by_columns(source: object, dtype: torch.dtype) -> None:
    address = source(NAMES[dtype])  # type: ignore[operator]
    if address is None:
        pytest.skip("torch's library exports no gemm on this platform")
    real = ctypes.c_float if dtype is torch.float32 else ctypes.c_double
    a, b = (torch.randn(3, 5, dtype=dtype), torch.randn(5, 4, dtype=dtype))
    c = torch.zeros(3, 4, dtype=dtype)
    sizes = [ctypes.byref(ctypes.c_int(size)) for size in (4, 3, 5)]
    lead = [ctypes.byref(ctypes.c_int(size)) for size in (4, 5, 4)]
    one, zero = ctypes.byref(real(1)), ctypes.byref(real(0))
    pointers = [ctypes.c_void_p(each.data_ptr()) for each in (b, a, c)]
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
    gemm(*(ctypes.cast(each, ctypes.c_void_p) for each in arguments))  # type: ignore[arg-type]
    torch.testing.assert_close(c, a @ b)


def test_an_address_is_found() -> None:
    assert all(gemm_address(dtype) for dtype in NAMES)
