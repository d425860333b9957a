"""SIGTERM and Ctrl-C: a checkpoint, the mark `interrupted`, status 143 and 130, and the same bits in the end."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from commands import metrics, summary
from zygote import Zygote, output_of

from dlhw.callbacks.checkpoints import load_checkpoint
from tests.torture.fingerprint import fingerprint

FIXED = (
    "trainer.matmul=highest",
    "tracking.console=plain",
    "tracking.tensorboard=false",
    "model.hidden=[16]",
)
RUN = (*FIXED, "optimizer=adam", "model.dropout=0.3", "trainer.eval_every=50", "trainer.eval_unit=step")
SWEEP = ("-m", *RUN, "trainer.epochs=40", "optimizer.lr=0.001,0.01", "seeds=2")
ENDED = [(signal.SIGTERM, 143), (signal.SIGINT, 130)]


@pytest.fixture(scope="module")
def reference(zygote: Zygote, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run and a sweep that are not interrupted."""
    folder = tmp_path_factory.mktemp("reference")
    for arguments in ((*RUN, "trainer.epochs=60", "hydra.run.dir=run"), (*SWEEP, "hydra.sweep.dir=sweep")):
        assert zygote.wait(zygote.start(*arguments, cwd=folder)) == 0, output_of(folder)
    return folder


def wait_for_rows(path: Path, count: int) -> None:
    """Wait until training is under way."""
    until = time.monotonic() + 60
    while not path.exists() or len(path.read_text().splitlines()) < count:
        assert time.monotonic() < until, "no evaluation in a minute"
        time.sleep(0.01)


@pytest.mark.parametrize(("number", "status"), ENDED)
def test_a_run_is_marked_and_resumes(
    number: signal.Signals, status: int, zygote: Zygote, reference: Path, tmp_path: Path
) -> None:
    pid = zygote.start(*RUN, "trainer.epochs=60", "hydra.run.dir=run", cwd=tmp_path)
    wait_for_rows(tmp_path / "run" / "metrics.csv", 5)
    os.kill(pid, number)
    assert zygote.wait(pid) == status
    assert output_of(tmp_path).splitlines()[-1] == "dlhw-train: interrupted"
    assert "stopping; again to stop now" in output_of(tmp_path).splitlines()
    assert "Traceback" not in output_of(tmp_path)
    record = summary(tmp_path / "run")
    assert (record["status"], record["message"]) == ("interrupted", f"interrupted by {number.name}")
    _, state = load_checkpoint(tmp_path / "run" / "checkpoints" / "last.safetensors")
    assert int(metrics(tmp_path / "run")[-1]["step"]) <= state["step"] < 1200
    assert zygote.wait(zygote.start("resume=run", cwd=tmp_path)) == 0, output_of(tmp_path)
    assert f"resuming run from step {state['step']}\n" in output_of(tmp_path)
    assert summary(tmp_path / "run")["status"] == "completed"
    assert fingerprint(tmp_path / "run") == fingerprint(reference / "run")


@pytest.mark.parametrize(("number", "status"), ENDED)
def test_every_run_of_a_sweep_is_marked_and_resumes(
    number: signal.Signals, status: int, zygote: Zygote, reference: Path, tmp_path: Path
) -> None:
    pid = zygote.start(*SWEEP, "hydra.sweep.dir=sweep", cwd=tmp_path)
    names = [path.parent.name for path in (reference / "sweep").glob("*/summary.json")]
    wait_for_rows(tmp_path / "sweep" / names[0] / "metrics.csv", 5)
    os.kill(pid, number)
    assert zygote.wait(pid) == status
    assert output_of(tmp_path).splitlines()[-1] == "dlhw-train: interrupted"
    assert {summary(tmp_path / "sweep" / name)["status"] for name in names} == {"interrupted"}
    paths = [tmp_path / "sweep" / name / "checkpoints" / "last.safetensors" for name in names]
    (step,) = {load_checkpoint(path)[1]["step"] for path in paths}
    assert zygote.wait(zygote.start(*SWEEP, "hydra.sweep.dir=sweep", cwd=tmp_path)) == 0, output_of(tmp_path)
    assert f"resuming 4 runs from step {step}\n" in output_of(tmp_path)
    for name in names:
        assert fingerprint(tmp_path / "sweep" / name) == fingerprint(reference / "sweep" / name)


def test_a_signal_ends_training_within_an_epoch(zygote: Zygote, tmp_path: Path) -> None:
    """The first evaluation would come only after minutes."""
    arguments = (*FIXED, "trainer.epochs=1000000", "trainer.eval_every=1000000", "hydra.run.dir=run")
    pid = zygote.start(*arguments, cwd=tmp_path)
    wait_for_rows(tmp_path / "run" / "metrics.csv", 1)
    time.sleep(1.0)
    os.kill(pid, signal.SIGTERM)
    began = time.monotonic()
    assert zygote.wait(pid) == 143
    assert time.monotonic() - began < 60, "the promise is 5 seconds, on a machine with nothing else to do"
    _, state = load_checkpoint(tmp_path / "run" / "checkpoints" / "last.safetensors")
    assert state["step"] > 0
    assert metrics(tmp_path / "run") == []


def wide_data(folder: Path) -> tuple[str, ...]:
    """Few training samples, and enough validation samples for an evaluation of some seconds."""
    random = np.random.default_rng(0)
    sizes = {"train": 128, "val": 100_000, "test": 64}
    arrays: dict[str, np.ndarray] = {}
    for split, size in sizes.items():
        arrays[f"{split}_x"] = random.random((size, 32), dtype=np.float32)
        arrays[f"{split}_y"] = random.integers(0, 10, size)
    np.savez(folder / "wide.npz", allow_pickle=False, **arrays)
    return ("data=npz", f"data.path={folder / 'wide.npz'}", "model.hidden=[512,512]", "optimizer=adam")


def test_a_signal_ends_an_evaluation(zygote: Zygote, tmp_path: Path) -> None:
    """It is made after the run resumes, and nothing differs from a run that was left alone."""
    arguments = (
        *wide_data(tmp_path), "trainer.epochs=1", "trainer.batch_size=null", "trainer.matmul=highest",
        "tracking.console=plain",
    )  # fmt: skip
    assert zygote.wait(zygote.start(*arguments, "hydra.run.dir=alone", cwd=tmp_path)) == 0, output_of(
        tmp_path
    )
    pid = zygote.start(*arguments, "hydra.run.dir=run", cwd=tmp_path)
    wait_for_rows(tmp_path / "run" / "metrics.csv", 1)
    time.sleep(0.5)  # the only step takes less
    os.kill(pid, signal.SIGINT)
    assert zygote.wait(pid) == 130
    assert metrics(tmp_path / "run") == []
    _, state = load_checkpoint(tmp_path / "run" / "checkpoints" / "last.safetensors")
    assert state["step"] == 1
    assert zygote.wait(zygote.start("resume=run", cwd=tmp_path)) == 0, output_of(tmp_path)
    assert fingerprint(tmp_path / "run") == fingerprint(tmp_path / "alone")


def test_a_signal_before_there_is_a_run_leaves_no_folder(zygote: Zygote, tmp_path: Path) -> None:
    for after in (0.0, 0.02, 0.05):
        pid = zygote.start(*RUN, "hydra.run.dir=run", cwd=tmp_path)
        time.sleep(after)
        os.kill(pid, signal.SIGTERM)
        assert zygote.wait(pid) in (143, -signal.SIGTERM)  # the latter before the command has begun
        assert not (tmp_path / "run" / "metrics.csv").exists()
    assert "Traceback" not in output_of(tmp_path)


CLEANS_UP_BADLY = """
import os, signal
from dlhw.commands.cli import run_command

def body():
    try:
        os.kill(os.getpid(), signal.SIGTERM)
    finally:
        raise AttributeError("half a library")

run_command("dlhw-train", body)
"""


LEAVES_SLOWLY = """
import atexit, os, signal
from dlhw.commands.cli import run_command

atexit.register(lambda: [os.kill(os.getpid(), number) for number in (signal.SIGTERM, signal.SIGINT)])
run_command("dlhw-train", lambda: 0)
"""


# Idle workers, which an exit that does not end them waits for: those of a shorter task may not have begun.
LEAVES_WORKERS = """
import time
from joblib import Parallel, delayed
from dlhw.commands.cli import run_command

def body():
    Parallel(n_jobs=2)(delayed(time.sleep)(0.5) for _ in range(2))

if __name__ == "__main__":
    run_command("dlhw-train", body)
"""


def test_a_command_ends_although_joblib_keeps_workers(tmp_path: Path) -> None:
    """As Hydra's joblib launcher does."""
    script = tmp_path / "script.py"
    script.write_text(LEAVES_WORKERS)
    with (tmp_path / "err").open("w") as err:  # a pipe would be kept open by what does not end
        process = subprocess.Popen([sys.executable, str(script)], stderr=err, start_new_session=True)
    try:
        assert process.wait(timeout=60) == 0
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    assert (tmp_path / "err").read_text() == ""


def test_a_signal_on_the_way_out_changes_nothing(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", LEAVES_SLOWLY], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_library_that_fails_when_interrupted_does_not_hide_the_signal(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CLEANS_UP_BADLY], cwd=tmp_path, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (143, "dlhw-train: interrupted\n")
