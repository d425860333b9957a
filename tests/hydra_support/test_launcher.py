"""Sweeps of `dlhw-train` as cohorts, in real processes."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from commands import QUIET_ENV, metrics, run, summary

from dlhw.callbacks.checkpoints import load_checkpoint

BASE = [
    "model.hidden=[12]", "data.limit=260", "trainer.batch_size=16", "trainer.epochs=3", "tracking.console=none",
    "hydra/sweeper=basic", "trainer.matmul=highest",
]  # fmt: skip
SWEEP = "hydra.sweep.dir=sweep"


def sweep(*overrides: str, cwd: Path, status: int = 0, launcher: str = "fused") -> str:
    """Run a sweep into the folder `sweep`; returns what it printed."""
    done = run("dlhw-train", "-m", *BASE, SWEEP, f"hydra/launcher={launcher}", *overrides, cwd=cwd)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def numbers(folder: Path) -> dict[str, Any]:
    """Everything that a run computed: its files, without times and names that depend on the moment."""
    tensors, state = load_checkpoint(folder / "checkpoints" / "last.safetensors")
    record = summary(folder)
    for key in ("seconds", "own_seconds", "created", "run"):
        record.pop(key)
    return {
        "tensors": {name: tensor.numpy().tobytes() for name, tensor in tensors.items()},
        "scores": state["scores"],
        "metrics": [{**row, "seconds": "", "run": ""} for row in metrics(folder)],
        "summary": record,
    }


def test_a_sweep_leaves_what_separate_runs_leave(tmp_path: Path) -> None:
    swept = ["optimizer.lr=0.5,0.1", "seed=0,1", "data.split.seed=0", "trainer.dtype=float64"]
    fused, basic = tmp_path / "fused", tmp_path / "basic"
    for folder in (fused, basic):
        folder.mkdir()
        sweep(*swept, cwd=folder, launcher=folder.name)
    for job in map(str, range(4)):
        one, other = fused / "sweep" / job, basic / "sweep" / job
        names = [
            {re.sub(r"tfevents.*", "tfevents", path.name) for path in job_folder.rglob("*")}
            for job_folder in (one, other)
        ]
        assert names[0] == names[1]
        assert (one / ".hydra" / "config.yaml").read_bytes() == (
            other / ".hydra" / "config.yaml"
        ).read_bytes()
        assert (one / ".hydra" / "overrides.yaml").read_bytes() == (
            other / ".hydra" / "overrides.yaml"
        ).read_bytes()
        for row, expected in zip(metrics(one), metrics(other), strict=True):
            assert float(row["loss"]) == pytest.approx(float(expected["loss"]), abs=1e-10)
            assert row["accuracy"] == expected["accuracy"]
            assert (row["epoch"], row["step"], row["split"]) == (
                expected["epoch"],
                expected["step"],
                expected["split"],
            )
        assert "completed after" in (one / "train.log").read_text(encoding="utf-8")


def test_groups_that_train_together_are_printed(tmp_path: Path) -> None:
    output = sweep("optimizer.lr=0.5,0.1", "trainer.batch_size=8,16,32", "trainer.epochs=1", cwd=tmp_path)
    assert (
        "6 runs, trained together in 3 groups (2 × trainer.batch_size=8, 2 × trainer.batch_size=16, 2 × trainer.batch_size=32)"
        in output
    )


def test_models_are_cohorts_of_their_own(tmp_path: Path) -> None:
    output = sweep(
        "~model.hidden", "model=softmax,perceptron", "seed=0,1", "trainer.epochs=1", cwd=tmp_path, status=1
    )
    assert "model.hidden" in output  # neither model has the key: reported once, before anything trains
    done = run(
        "dlhw-train",
        "-m",
        *BASE[1:],
        SWEEP,
        "model=softmax,perceptron",
        "seed=0,1",
        "trainer.epochs=1",
        cwd=tmp_path,
    )
    assert "4 runs, trained together in 2 groups (2 × model=softmax, 2 × model=perceptron)" in done.stdout


def test_bad_runs_leave_the_good_ones_to_the_byte(tmp_path: Path) -> None:
    """One run diverges, one cannot write its files, one has an invalid config: the other three do not change."""
    good, mixed = tmp_path / "good", tmp_path / "mixed"
    good.mkdir()
    sweep("optimizer.lr=0.5,0.1,0.02", "model.activation=identity", cwd=good)
    # the files of job 3 cannot be made: a folder lies where metrics.csv should be
    (mixed / "sweep" / "3" / "metrics.csv").mkdir(parents=True)
    output = sweep("optimizer.lr=0.5,1e30,0.1,0.3,0.02,-1", "model.activation=identity", cwd=mixed, status=1)
    assert "optimizer.lr must be > 0, got -1.0" in output
    for alone, among in (("0", "0"), ("1", "2"), ("2", "4")):
        assert numbers(good / "sweep" / alone) == numbers(mixed / "sweep" / among)
    diverged = summary(mixed / "sweep" / "1")
    assert diverged["status"] == "diverged"
    assert diverged["diverged_at"] >= 2
    assert "metrics.csv" in (mixed / "sweep" / "3" / "train.log").read_text(encoding="utf-8")
    assert not (mixed / "sweep" / "5").exists()


def test_a_cohort_whose_data_is_missing_fails_alone(tmp_path: Path) -> None:
    output = sweep(
        "data=digits,mnist",
        "++data.root=nowhere",
        "++data.download=false",
        "trainer.epochs=1",
        cwd=tmp_path,
        status=1,
    )
    assert "nowhere" in output or "data.root" in output


def test_verify_trains_members_again(tmp_path: Path) -> None:
    output = sweep(
        "optimizer.lr=0.5,0.1,0.05", "hydra.launcher.verify=2", "trainer.dtype=float64", cwd=tmp_path
    )
    differences = re.findall(
        r"verified: run (\d) alone differs by at most (\S+) in a parameter and (\S+) in a loss", output
    )
    assert len({number for number, _, _ in differences}) == 2
    assert all(float(parameter) < 1e-10 and float(loss) < 1e-10 for _, parameter, loss in differences)


def test_max_runs_cuts_a_cohort(tmp_path: Path) -> None:
    output = sweep(
        "seed=0,1,2,3,4", "hydra.launcher.max_runs=2", "data.split.seed=0", "trainer.epochs=1", cwd=tmp_path
    )
    assert "at most 2 of 5 runs train at a time" in output
    assert [summary(tmp_path / "sweep" / str(job))["status"] for job in range(5)] == ["completed"] * 5


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        ("max_runs=0", "hydra.launcher.max_runs must be >= 1"),
        ("verify=-1", "hydra.launcher.verify must be >= 0"),
    ],
)
def test_options_out_of_range(option: str, sentence: str, tmp_path: Path) -> None:
    assert sentence in sweep("seed=0,1", f"hydra.launcher.{option}", cwd=tmp_path, status=1)


LIMITED = """
import resource, sys
import torch, dlhw.execution.cohorts, dlhw.commands.train
import torch.utils.tensorboard
import dlhw.training.fit
size = int(next(line for line in open("/proc/self/status") if line.startswith("VmSize")).split()[1]) * 1024
limit = size + int(sys.argv.pop(1)) * 2**20
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
dlhw.commands.train.main()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited by Linux's RLIMIT_AS")
def test_a_cohort_that_runs_out_of_memory_is_halved(tmp_path: Path) -> None:
    """8 runs of 4 million parameters need some 600 MB; the process may take 450 MB more than it has."""
    done = subprocess.run(
        [
            sys.executable, "-c", LIMITED, "450", "-m", *BASE, SWEEP, "model.hidden=[2000,2000]", "trainer.epochs=1",
            "trainer.gradcheck=false", "tracking.tensorboard=false", "tracking.checkpoints=false",
            "seed=range(8)", "data.split.seed=0", "hydra.launcher.max_runs=8", "trainer.backend=eager",
        ],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300,
        env={"PATH": "/usr/bin:/bin", **QUIET_ENV, "HOME": str(tmp_path)},
    )  # fmt: skip
    assert "out of memory with 8 runs at a time: trying 4 at a time" in done.stdout, done.stdout + done.stderr
    assert done.returncode == 0, done.stderr
    assert [summary(tmp_path / "sweep" / str(job))["status"] for job in range(8)] == ["completed"] * 8


def test_event_files_one_a_run_and_no_strays(tmp_path: Path) -> None:
    sweep("optimizer.lr=0.5,0.1", "trainer.epochs=1", cwd=tmp_path)
    events = [
        path.relative_to(tmp_path / "sweep") for path in (tmp_path / "sweep").rglob("events.out.tfevents*")
    ]
    assert sorted(str(path.parent) for path in events) == ["0", "1"]


def test_jobs_of_another_task_run_one_by_one(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        "import hydra\n"
        "@hydra.main(config_path=None, version_base='1.3')\n"
        "def app(config):\n"
        "    print('task', config.a)\n"
        "app()\n",
        encoding="utf-8",
    )
    done = subprocess.run(
        [sys.executable, "app.py", "-m", "+a=1,2", "hydra/launcher=fused"],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=100,
    )  # fmt: skip
    assert [line for line in done.stdout.splitlines() if line.startswith("task")] == ["task 1", "task 2"]


@pytest.mark.mnist
def test_verify_on_real_mnist(tmp_path: Path) -> None:
    done = run(
        "dlhw-train", "-m", "data=mnist", "model.activation=sigmoid", "trainer.epochs=1", "optimizer.lr=0.5,0.1,0.02",
        "hydra.launcher.verify=1", "tracking.console=none", "hydra/sweeper=basic", SWEEP, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (differences,) = re.findall(r"differs by at most (\S+) in a parameter and (\S+) in a loss", done.stdout)
    assert float(differences[0]) < 1e-4  # float32, 750 steps
    assert float(differences[1]) < 1e-5


def test_a_moved_sweep_still_evaluates(tmp_path: Path) -> None:
    sweep("optimizer.lr=0.5,0.1", "trainer.epochs=1", cwd=tmp_path)
    shutil.move(tmp_path / "sweep", tmp_path / "elsewhere")
    done = run("dlhw-eval", str(tmp_path / "elsewhere" / "1"), "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["val"]["loss"] == pytest.approx(
        summary(tmp_path / "elsewhere" / "1")["best"]["val"]["loss"], rel=1e-6
    )
