"""Runs that are ended from outside: Ctrl-C, and a reader that closes its end of the pipe."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from commands import BIN, QUIET_ENV, metrics, run, run_folders, summary

LONG = ["trainer.epochs=100000", "tracking.tensorboard=false"]


def started(folder: Path) -> subprocess.Popen[str]:
    """A run that would take hours, returned after its first evaluation."""
    process = subprocess.Popen(
        [str(BIN / "dlhw-train"), *LONG], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=os.environ | QUIET_ENV, preexec_fn=_listen_to_ctrl_c,
    )  # fmt: skip
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("epoch 3/"):
            return process
    raise AssertionError(process.stderr.read() if process.stderr else "no output")


def _listen_to_ctrl_c() -> None:
    """Do not ignore Ctrl-C: child processes inherit that from tests that run in the background."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_ctrl_c_leaves_a_run_that_can_be_measured(tmp_path: Path) -> None:
    process = started(tmp_path)
    process.send_signal(signal.SIGINT)
    began = time.monotonic()
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors.splitlines()[-1] == "dlhw-train: interrupted"
    assert "Traceback" not in errors
    assert time.monotonic() - began < 30
    (folder,) = run_folders(tmp_path)
    assert summary(folder)["status"] == "interrupted"
    assert {len(row) for row in metrics(folder)} == {7}
    done = run("dlhw-eval", str(folder), "--checkpoint", "last", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(os.name != "posix", reason="needs a shell")
def test_a_reader_that_goes_away_does_not_end_the_run(tmp_path: Path) -> None:
    done = subprocess.run(
        ["sh", "-c", f"{BIN / 'dlhw-train'} trainer.epochs=300 | head -2"],
        cwd=tmp_path, capture_output=True, text=True, env=os.environ | QUIET_ENV, timeout=120, check=False,
    )  # fmt: skip
    assert len(done.stdout.splitlines()) == 2
    assert done.stderr == ""
    (folder,) = run_folders(tmp_path)
    assert summary(folder)["status"] == "completed"
