"""Where a run was made: versions, machine, commit. What cannot be found out is null; nothing here fails."""

import functools
import os
import platform
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

import dlhw

GIT_SECONDS = 5.0


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


@functools.cache  # a cohort asks once for each of its runs
def git_state(folder: Path) -> dict[str, Any] | None:
    """Commit of the repository that `folder` is in, and whether tracked files differ from it."""
    commit = _git(folder, "rev-parse", "HEAD")
    if commit is None:
        return None
    changes = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return {"commit": commit, "dirty": None if changes is None else changes != ""}


def _git(folder: Path, *arguments: str) -> str | None:
    """Output of a git command; None without git, without a repository, or when it takes too long."""
    binary = shutil.which("git")
    if binary is None:
        return None
    # No lock beside a git that the user runs, and no programs that a repository's settings name.
    command = [binary, "--no-optional-locks", "-c", "core.fsmonitor=false", *arguments]
    quiet = {**os.environ, "GIT_TERMINAL_PROMPT": "0"}
    try:
        done = subprocess.run(
            command, cwd=folder, env=quiet, stdin=subprocess.DEVNULL, capture_output=True, timeout=GIT_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode(errors="replace").strip() if done.returncode == 0 else None
