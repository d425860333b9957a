"""Which device and which matrix-product kernels to train with, and whether they give the same bits again."""

import os
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from time import perf_counter
from typing import Any

import torch
from torch import Tensor

from dlhw.config.trainer import DType, Matmul
from dlhw.errors import ConfigError

DTYPES = {DType.float32: torch.float32, DType.float64: torch.float64}

# A product counts as exact as float32 if its error is at most this multiple of that of "highest"; kernels
# that round to bfloat16 are off by a factor of thousands.
AS_EXACT = 4.0
# "medium" must be this much faster: a narrow choice would change from run to run, and with it the last bits
# of every number.
MARGIN = 1.25
# The choice costs a few milliseconds: the best of some short runs.
REPEATS = 15
# How torch begins its warning of an operation, such as `scatter_add_cuda_kernel`.
WARNED = re.compile(r"(\S+) does not have a deterministic implementation")
_seen: set[str] = set()


def resolve_device(name: str) -> torch.device:
    """The torch device of `trainer.device`.

    Raises:
        ConfigError: if this machine has no such device.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name.startswith("cuda"):
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        index = int(name.partition(":")[2] or 0)
        if index >= count:
            have = f"this machine has {count} CUDA device{'s' * (count != 1)}" if count else "none is usable"
            raise ConfigError(f"trainer.device={name}: no such CUDA device, {have}; use cpu or auto")
        be_deterministic()
    return torch.device(name)


@contextmanager
def matmul_setting(setting: str) -> Iterator[None]:
    """Use a float32 matrix-product setting of torch within the block; it is global, so it is restored."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(setting)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def choose_matmul(
    wanted: Matmul, device: torch.device, dtype: torch.dtype, shape: tuple[int, int, int]
) -> str:
    """Resolve `trainer.matmul` on this machine.

    `auto` on the CPU in float32 times a product of the given shape under "highest" and "medium", which may
    move it to another library: as exact and twice as fast on some machines, bfloat16 on others. "medium" is
    used if it is clearly faster and as exact as float32. Everywhere else it is "highest".

    Args:
        wanted: the config's value.
        device: where training happens.
        dtype: of the parameters.
        shape: (N, I, O) of the largest product.
    """
    if wanted is not Matmul.auto:
        return str(wanted)
    if device.type != "cpu" or dtype is not torch.float32:
        return "highest"
    seconds, error = _measure("highest", shape)
    other_seconds, other_error = _measure("medium", shape)
    is_better = other_error <= AS_EXACT * error and MARGIN * other_seconds <= seconds
    return "medium" if is_better else "highest"


def _measure(setting: str, shape: tuple[int, int, int]) -> tuple[float, float]:
    """Seconds of one product and its largest error, relative to the largest element."""
    batch, fan_in, fan_out = shape
    generator = torch.Generator().manual_seed(0)
    a_1NI = torch.rand(1, batch, fan_in, generator=generator)
    b_1IO = torch.randn(1, fan_in, fan_out, generator=generator)
    exact = torch.bmm(a_1NI.double(), b_1IO.double())
    with matmul_setting(setting):
        seconds = min(_seconds(a_1NI, b_1IO) for _ in range(REPEATS))
        error = (torch.bmm(a_1NI, b_1IO) - exact).abs().max() / exact.abs().max()
    return seconds, float(error)


def _seconds(a_1NI: Tensor, b_1IO: Tensor) -> float:
    start = perf_counter()
    torch.bmm(a_1NI, b_1IO)
    return perf_counter() - start


def be_deterministic() -> None:
    """Use deterministic algorithms from now on; for an operation that has none, torch warns and continues.

    cuBLAS reads its setting at its first use.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=True)
    _listen()


@cache  # once: each listener calls the one before it
def _listen() -> None:
    """Note which operations torch warns of: it warns while one runs, and cannot be asked afterwards."""
    show: Callable[..., None] = warnings.showwarning

    def note(message: Warning | str, *args: Any, **kwargs: Any) -> None:
        if (warned := WARNED.match(str(message))) is not None:
            _seen.add(warned[1])
        show(message, *args, **kwargs)

    warnings.showwarning = note


def determinism(device: str) -> dict[str, Any]:
    """For a summary: whether the same seed gives the same bits, and the operations for which it may not.

    The operations are those of the whole process so far, so a sweep's later runs may name an earlier one's.

    Args:
        device: that the run trained on; on the CPU all algorithms in use are deterministic.
    """
    if not device.startswith("cuda"):
        return {"deterministic": True, "nondeterministic": []}
    is_on = torch.are_deterministic_algorithms_enabled()
    return {"deterministic": is_on and not _seen, "nondeterministic": sorted(_seen)}
