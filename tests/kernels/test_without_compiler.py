"""A machine without a working numba or llvmlite trains with the layers themselves, after one warning."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from commands import BIN, QUIET_ENV, run, summary

RUN = ("hydra.run.dir=run", "trainer.epochs=1", "data.limit=200", "tracking.tensorboard=false")
WARNING = "warning: training steps are not compiled and take several times as long, because "
COMPILING = "compiling the training step for this machine"


def broken(folder: Path, module: str) -> str:
    """A folder for PYTHONPATH in which the import of a module fails."""
    folder.mkdir()
    (folder / f"{module}.py").write_text(f"raise ImportError('{module} was built for another Python')")
    return str(folder)


def test_without_numba_the_default_commands_work(tmp_path: Path) -> None:
    """As after `pip uninstall numba`: neither the package nor its metadata is found."""
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "sitecustomize.py").write_text(HIDE_NUMBA)
    env = {"PYTHONPATH": str(hidden), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    reason = "numba is not installed (pip install 'dlhw[compiled]')"
    done = run("dlhw-train", *RUN, cwd=tmp_path, **env)
    assert done.returncode == 0, done.stderr
    warnings = [line for line in done.stderr.splitlines() if line.startswith("warning:")]
    assert warnings == [WARNING + reason]
    command = [sys.executable, "-m", "dlhw.kernels"]
    compiled = subprocess.run(command, env=os.environ | env, capture_output=True, text=True, check=False)
    assert (compiled.returncode, compiled.stderr) == (0, f"{WARNING}{reason}\n")


HIDE_NUMBA = """
import importlib.metadata as metadata
import sys

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "numba":
            raise ModuleNotFoundError("No module named 'numba'", name="numba")

sys.meta_path.insert(0, Finder())
version = metadata.version

def without_numba(name):
    if name == "numba":
        raise metadata.PackageNotFoundError(name)
    return version(name)

metadata.version = without_numba
"""


@pytest.mark.parametrize("module", ["numba", "llvmlite", ""])
def test_the_default_command_works(module: str, tmp_path: Path) -> None:
    if module:
        env = {"PYTHONPATH": broken(tmp_path / "broken", module)}
        reason = f"numba or llvmlite cannot be imported ({module} was built for another Python)"
    else:
        env, reason = {"NUMBA_DISABLE_JIT": "1"}, "NUMBA_DISABLE_JIT is set"
    done = run("dlhw-train", *RUN, cwd=tmp_path, XDG_CACHE_HOME=str(tmp_path / "cache"), **env)
    assert done.returncode == 0, done.stderr
    warnings = [line for line in done.stderr.splitlines() if line.startswith("warning:")]
    assert warnings == [WARNING + reason]
    assert summary(tmp_path / "run")["backend"] == "eager"
    assert "gradients by hand-written backward, checked" in done.stdout


def test_demanded_kernels_are_refused(tmp_path: Path) -> None:
    env = {"PYTHONPATH": broken(tmp_path / "broken", "llvmlite"), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    done = run("dlhw-train", *RUN, "trainer.backend=compiled", cwd=tmp_path, **env)
    assert done.returncode == 1
    assert done.stderr.startswith("dlhw-train: trainer.backend=compiled is not possible here: numba or")
    assert not (tmp_path / "run").exists()


SWEEP = ("-m", "optimizer.lr=0.1,0.2", "hydra.sweep.dir=sweep")


@pytest.mark.parametrize(
    ("number", "status", "sweep"),
    [(signal.SIGTERM, 143, ()), (signal.SIGINT, 130, ()), (signal.SIGTERM, 143, SWEEP)],
)
def test_a_signal_ends_the_first_compilation(
    number: signal.Signals, status: int, sweep: tuple[str, ...], tmp_path: Path
) -> None:
    """In llvmlite's callbacks Python drops exceptions; the signal must not be lost with them."""
    process = subprocess.Popen(
        [str(BIN / "dlhw-train"), *sweep, *RUN], cwd=tmp_path, text=True,
        env=os.environ | QUIET_ENV | {"XDG_CACHE_HOME": str(tmp_path / "cache")},
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    until = time.monotonic() + 60
    while not any(COMPILING in log.read_text() for log in tmp_path.glob("*/**/train.log")):
        assert time.monotonic() < until, "no compilation in a minute"
        time.sleep(0.05)
    time.sleep(1)
    process.send_signal(number)
    began = time.monotonic()
    assert process.communicate(timeout=60)[1] == "dlhw-train: interrupted\n"
    assert process.returncode == status
    assert time.monotonic() - began < 10, "the promise is 5 seconds, on a machine with nothing else to do"
    assert not (tmp_path / "run").exists()
