"""The machine on which the numbers were measured, and the rate of its matrix products."""

import os
import platform
import re
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version

import torch

from benchmarks.timing import fastest
from dlhw.environment import cpu_name, machine
from dlhw.source import git_state
from dlhw.training.device import matmul_setting

PACKAGES = (
    "dlhw", "torch", "torchvision", "numpy", "numba", "hydra-core", "jax", "jaxlib", "lightning",
    "scikit-learn",
)  # fmt: skip
EDGE = 1024


class LargeProducts:
    """Square float32 products on all threads, at the faster of torch's settings "highest" and "medium".

    Args:
        flops: floating-point operations of a round, up to the rounding to whole products.
    """

    def __init__(self, flops: int) -> None:
        self.count = max(1, round(flops / (2 * EDGE**3)))
        self.a, self.b, self.out = (torch.rand(EDGE, EDGE) for _ in range(3))
        self.setting = min(("highest", "medium"), key=self._seconds)

    def _seconds(self, setting: str) -> float:
        with matmul_setting(setting):
            return fastest(self._multiply, 5)

    def _multiply(self) -> None:
        torch.mm(self.a, self.b, out=self.out)

    def __call__(self, number: int) -> None:
        """The products of a round."""
        with matmul_setting(self.setting):
            for _ in range(self.count):
                self._multiply()


def about(full: bool) -> list[str]:
    """Date, machine, versions and commit, a line each."""
    info = machine("cuda" if torch.cuda.is_available() else "cpu")
    state = git_state()
    commit = "no repository" if state is None else state["commit"] + (" with changes" * bool(state["dirty"]))
    load = f", load of the last minute {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return [
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, `make {'bench-full' if full else 'bench'}`",
        f"{info['cpu']}, {info['num_threads']} threads{load}; {info['accelerator'] or 'no GPU'}; "
        f"{info['platform']}; {memory()}",
        f"python {platform.python_version()}, " + ", ".join(f"{name} {_version(name)}" for name in PACKAGES),
        f"commit {commit}",
    ]


def memory() -> str:
    """Main memory, if the system reports it."""
    try:
        return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB of memory"
    except (AttributeError, ValueError, OSError):
        return "memory unknown"


def label() -> str:
    """Name of a folder: date, processor and threads."""
    words = re.sub(r"[^a-z0-9]+", "-", cpu_name().lower()).strip("-")
    return f"{datetime.now(UTC):%Y-%m-%d-%H%M}-{words}-{torch.get_num_threads()}-threads"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
