"""Where a run was made: versions, machine, commit. What cannot be found out is null; nothing here fails."""

import functools
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

import dlhw


def versions() -> dict[str, str | None]:
    """Versions of what the numbers of a run depend on."""
    return {
        "python": platform.python_version(),
        "dlhw": dlhw.__version__,
        "torch": str(torch.__version__),
        "numpy": _installed("numpy"),
        "hydra-core": _installed("hydra-core"),
    }


def _installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def machine(device: str) -> dict[str, Any]:
    """Platform, processor, accelerator if `device` is one, threads of torch on the CPU."""
    is_cuda = device.startswith("cuda")
    return {
        "platform": platform.platform(),
        "cpu": cpu_name(),
        "accelerator": torch.cuda.get_device_name(device) if is_cuda else None,
        "num_threads": torch.get_num_threads(),
    }


@functools.cache
def cpu_name(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """The processor's name where the system tells it, else its architecture."""
    try:
        lines = cpuinfo.read_text(errors="replace").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
