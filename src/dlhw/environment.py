"""Software versions and machine of a run. What cannot be determined is None; nothing here fails."""

import functools
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

import dlhw


def versions() -> dict[str, str | None]:
    """Versions of the software that the numbers of a run depend on."""
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
    """Platform, processor, accelerator (None unless `device` is CUDA), and torch's number of CPU threads."""
    is_cuda = device.startswith("cuda")
    return {
        "platform": platform.platform(),
        "cpu": cpu_name(),
        "accelerator": torch.cuda.get_device_name(device) if is_cuda else None,
        "num_threads": torch.get_num_threads(),
    }


@functools.cache
def cpu_name(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """Name of the processor, or its architecture where the system does not name it."""
    try:
        lines = cpuinfo.read_text(errors="replace").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
