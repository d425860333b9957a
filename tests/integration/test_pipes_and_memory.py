"""A reader that goes away, memory that runs out, a device in place of a file, two experiments in one command."""

import subprocess
from pathlib import Path

import pytest
from commands import BIN, run, summary

QUICK = ("trainer.epochs=1", "data.limit=200", "tracking.tensorboard=false", "tracking.checkpoints=false")


@pytest.mark.parametrize("sweep", [(), ("-m", "optimizer.lr=0.1,0.01", "trainer.batch_size=32,64")])
def test_training_outlasts_its_reader(sweep: tuple[str, ...], tmp_path: Path) -> None:
    """Cohorts of a sweep end one after the other, and each prints."""
    where = "hydra.sweep.dir=out" if sweep else "hydra.run.dir=out/run"
    command = [str(BIN / "dlhw-train"), *sweep, *QUICK, where]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    _, err = process.communicate(timeout=100)
    assert (process.returncode, err) == (0, b"")
    runs = [path.parent for path in (tmp_path / "out").glob("*/summary.json")]
    assert [summary(folder)["status"] for folder in runs] == ["completed"] * (4 if sweep else 1)


def test_a_run_that_does_not_fit_into_memory_leaves_no_folder(tmp_path: Path) -> None:
    done = run("dlhw-train", *QUICK, "model.hidden=[3000000000000]", "hydra.run.dir=run", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("dlhw-train: out of memory")
    assert len(done.stderr.splitlines()) == 1
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize("data", [("data=npz", "data.path=/dev/zero"), ("data=csv", "data.train=/dev/zero")])
def test_a_device_is_not_read(data: tuple[str, ...], tmp_path: Path) -> None:
    done = run("dlhw-train", *data, "hydra.run.dir=run", cwd=tmp_path)
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert "/dev/zero is not a file: devices and pipes cannot be read twice" in done.stderr
    assert [*tmp_path.iterdir()] == []


def test_two_experiments_are_two_commands(tmp_path: Path) -> None:
    done = run("dlhw-train", "-m", "experiment=cs7643/lr,cs7643/alpha", "seeds=1", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr == (
        "dlhw-train: a command runs one experiment: run `dlhw-train experiment=cs7643/lr seeds=1` and "
        "`dlhw-train experiment=cs7643/alpha seeds=1`\n"
    )


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (
            ("regularizer=l2", "regularizer.alpha=1e39"),
            "regularizer.alpha=1e+39 is beyond the range of trainer.dtype=float32 (at most 3.4e+38); "
            "trainer.dtype=float64 can represent it",
        ),
        (
            ("data=csv", "data.train=x.csv", "loss=squared_error", "data.task=classification"),
            "loss=squared_error does not fit data=csv: its targets are those of classification; "
            "data.task=regression reads them as such",
        ),
    ],
)
def test_the_remedy_is_named(overrides: tuple[str, ...], sentence: str, tmp_path: Path) -> None:
    done = run("dlhw-train", *overrides, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (1, f"dlhw-train: {sentence}\n")


@pytest.mark.parametrize(("select", "which"), [("best", "best (epoch "), ("last", "last parameters")])
def test_the_test_line_names_the_parameters(select: str, which: str, tmp_path: Path) -> None:
    done = run("dlhw-train", *QUICK, f"trainer.select={select}", "tracking.console=plain", cwd=tmp_path)
    (line,) = [line for line in done.stdout.splitlines() if "  test loss" in line]
    assert f"with the {which}" in line
