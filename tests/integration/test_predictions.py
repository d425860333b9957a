"""Predictions of the test split: stored at the end of a run, and the same from every command that computes them."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from commands import run, run_folders, summary, train

import dlhw
from dlhw.runs.predictions import PREDICTIONS_FILE, SplitPredictions, write_predictions

QUICK = ("model.hidden=[8]", "tracking.console=none", "tracking.tensorboard=false", "trainer.epochs=2")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on digits."""
    return train(*QUICK, cwd=tmp_path_factory.mktemp("trained"))


def test_stored_predictions_are_those_that_were_scored(trained: Path) -> None:
    stored, record = dlhw.load_predictions(trained), summary(trained)
    assert (
        stored.correct.mean() == record[{"last": "final"}.get(stored.parameters, "best")]["test"]["accuracy"]
    )
    assert stored.split_hash == record["split_hashes"]["test"]
    assert stored.predicted.dtype == np.uint8
    assert len(stored.predicted) == record["num_samples"]["test"]
    assert (trained / PREDICTIONS_FILE).stat().st_size < 2 * len(stored.predicted) + 500


def test_eval_predicts_the_same_and_says_what_differs(trained: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(trained, tmp_path / "run"))
    done = run("dlhw-eval", str(copy), cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    stored = dlhw.load_predictions(copy)
    predicted = stored.predicted.copy()
    predicted[:3] = (predicted[:3] + 1) % 10
    write_predictions(
        copy,
        SplitPredictions(
            predicted=predicted,
            targets=stored.targets,
            parameters=stored.parameters,
            split_hash=stored.split_hash,
        ),
    )
    done = run("dlhw-eval", str(copy), cwd=tmp_path)
    assert done.returncode == 1
    assert f"3 of {len(predicted)} test samples are predicted to be of another class" in done.stderr


def test_each_run_of_a_cohort_has_its_own_and_the_option_leaves_them_out(
    trained: Path, tmp_path: Path
) -> None:
    done = run("dlhw-train", "-m", *QUICK, "seed=0,1", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    first, second = run_folders(tmp_path)
    assert (first / PREDICTIONS_FILE).read_bytes() == (trained / PREDICTIONS_FILE).read_bytes()
    assert (first / PREDICTIONS_FILE).read_bytes() != (second / PREDICTIONS_FILE).read_bytes()
    (tmp_path / "without").mkdir()
    without = train(*QUICK, "tracking.predictions=false", "trainer.epochs=0", cwd=tmp_path / "without")
    assert not (without / PREDICTIONS_FILE).exists()


def test_regression_and_data_without_a_test_split_have_none(tmp_path: Path) -> None:
    folder = train("data=linear_teacher", "model=linear", *QUICK[1:], "trainer.batch_size=8", cwd=tmp_path)
    assert not (folder / PREDICTIONS_FILE).exists()


def test_a_name_with_markup_and_escapes_is_shown_as_it_is(trained: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(trained, tmp_path / "a[" / "b]\x1b[31m[bold]"))
    done = run("dlhw-eval", os.path.relpath(copy, tmp_path), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert r"a[/b]\x1b[31m[bold], checkpoint" in done.stdout
    done = run("dlhw-eval", "a[/missing\x1b]", cwd=tmp_path)
    assert r"a[/missing\x1b] is not a folder" in done.stderr
