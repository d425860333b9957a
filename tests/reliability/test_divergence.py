"""The scores reported for a diverged run belong to parameters that it had, and are saved."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from commands import metrics, run, summary

RUN = (
    "data=npz", "data.path=data.npz", "data.normalize=none", "model=softmax", "trainer.epochs=4",
    "trainer.batch_size=10", "trainer.dtype=float64", "trainer.gradcheck=false", "trainer.matmul=highest",
    "trainer.on_divergence=accept", "tracking.console=none", "tracking.tensorboard=false", "hydra.run.dir=run",
)  # fmt: skip
# Its loss is a number, a gradient of it is not; in float64 the largest number is 1.8e308.
WILD = 1.7e308


def write_data(path: Path, wild: bool) -> None:
    """60 training samples that a line divides, or 58 and a wild one under either label."""
    random = np.random.default_rng(0)
    x = random.normal(size=(100, 4))
    y = (x @ random.normal(size=4) > 0).astype(int)
    if wild:
        x[58:60], y[58:60] = WILD, (0, 1)
    splits = {"train": slice(0, 60), "val": slice(60, 80), "test": slice(80, 100)}
    arrays = {
        f"{split}_{name}": array[rows]
        for split, rows in splits.items()
        for name, array in (("x", x), ("y", y))
    }
    np.savez(path, allow_pickle=False, **arrays)


@pytest.mark.parametrize("backend", ["compiled", "eager"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_best_of_a_diverged_run_is_what_its_checkpoint_scores(
    backend: str, seed: int, tmp_path: Path
) -> None:
    write_data(tmp_path / "data.npz", wild=True)
    done = run("dlhw-train", *RUN, f"trainer.backend={backend}", f"seed={seed}", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    record = summary(tmp_path / "run")
    assert record["status"] == "diverged"
    assert 0 < record["diverged_at"] <= record["steps"]
    for checkpoint in ("best", "last"):
        measured = run("dlhw-eval", "run", "--checkpoint", checkpoint, "--json", cwd=tmp_path)
        assert measured.returncode == 0, measured.stdout
        scores, recorded = json.loads(measured.stdout), record["best" if checkpoint == "best" else "final"]
        for split in ("val", "test"):
            assert scores[split]["loss"] == pytest.approx(recorded[split]["loss"], rel=1e-9)
            assert scores[split]["accuracy"] == recorded[split]["accuracy"]


@pytest.mark.parametrize("backend", ["compiled", "eager"])
def test_training_scores_of_an_interval_that_was_cut_short_are_not_reported(
    backend: str, tmp_path: Path
) -> None:
    """After the gradient was not finite no sample is trained on: a mean over all of them would be wrong."""
    write_data(tmp_path / "data.npz", wild=True)
    done = run("dlhw-train", *RUN, f"trainer.backend={backend}", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    last = [row for row in metrics(tmp_path / "run") if row["split"] == "train"][-1]
    assert math.isnan(float(last["loss"]))
    assert math.isnan(float(last["accuracy"]))
    assert summary(tmp_path / "run")["final"]["train"] == {"loss": None, "accuracy": None}
    assert run("dlhw-report", "run", cwd=tmp_path).returncode == 0


def test_without_the_sample_nothing_is_missing(tmp_path: Path) -> None:
    write_data(tmp_path / "data.npz", wild=False)
    done = run("dlhw-train", *RUN, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    record = summary(tmp_path / "run")
    assert record["status"] == "completed"
    assert record["final"]["train"]["loss"] < 0.5


@pytest.mark.parametrize(
    ("choice", "message"), [("stop", "2 diverged"), ("error", "1 diverged, 1 not run")], ids=["stop", "error"]
)
def test_a_sweep_continues_or_stops_there(choice: str, message: str, tmp_path: Path) -> None:
    """Two cohorts, and `on_error=stop`: whether a diverged run is an error decides about the second."""
    write_data(tmp_path / "data.npz", wild=True)
    common = [word for word in RUN[:-1] if "on_divergence" not in word]
    swept = ("trainer.batch_size=5,10", f"trainer.on_divergence={choice}", "hydra.sweeper.on_error=stop")
    done = run("dlhw-train", "-m", *common, *swept, "hydra.sweep.dir=sweep", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.splitlines()[0] == f"dlhw-train: 2 runs: {message}"
