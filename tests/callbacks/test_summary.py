import dataclasses
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dlhw.callbacks.summary import SummaryTracker
from dlhw.config.fields import config_hash
from dlhw.config.optimizer import SGDConfig
from dlhw.config.root import TrainConfig
from dlhw.config.tracking import TrackingConfig
from dlhw.runs.status import Status
from dlhw.training.callbacks import Callback
from dlhw.training.events import Evaluation, RunInfo, RunResult, Scores, Snapshot


def summary(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "summary.json").read_text())


def test_a_whole_run(tmp_path: Path, play: Callable[[Callback], None]) -> None:
    play(SummaryTracker(tmp_path))
    told = summary(tmp_path)
    assert told["status"] == "completed"
    assert told["final"]["val"] == {"loss": 0.2, "accuracy": 0.9}
    assert told["best"]["val"] == {"loss": 0.1, "accuracy": 0.95}
    assert (told["best_epoch"], told["best_step"]) == (2, 52)
    assert (told["epochs"], told["steps"], told["seconds"]) == (3, 78, 0.5)
    assert (told["diverged_at"], told["message"]) == (None, None)
    assert told["gradcheck"] == {"max_relative_error": 3.1e-16}
    assert told["num_samples"] == {"train": 1617, "val": 180, "test": 0}
    assert (told["seed"], told["num_parameters"]) == (3, 1210)
    assert (told["device"], told["dtype"], told["matmul"]) == ("cpu", "float32", "medium")
    assert all(told["versions"][name] for name in ("python", "dlhw", "torch", "numpy", "hydra-core"))
    assert told["num_threads"] >= 1
    assert told["platform"]
    assert told["cpu"]
    assert "git" in told
    assert datetime.fromisoformat(told["created"]).utcoffset() == timedelta(0)


def test_nothing_is_written_before_the_end(
    tmp_path: Path, info: RunInfo, snapshot: Snapshot, evaluations: list[Evaluation]
) -> None:
    tracker = SummaryTracker(tmp_path)
    tracker.on_start(info, snapshot)
    tracker.on_evaluation(evaluations[0], snapshot)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("status", [Status.interrupted, Status.failed])
def test_an_aborted_run_tells_how_far_it_came(
    tmp_path: Path, info: RunInfo, snapshot: Snapshot, evaluations: list[Evaluation], status: Status
) -> None:
    tracker = SummaryTracker(tmp_path)
    tracker.on_start(info, snapshot)
    for evaluation in evaluations:
        tracker.on_evaluation(evaluation, snapshot)
    tracker.on_abort(status, "the reason")
    told = summary(tmp_path)
    assert (told["status"], told["message"]) == (status.value, "the reason")
    assert (told["steps"], told["best_step"]) == (78, 52)
    assert told["best"]["val"]["accuracy"] == 0.95


def test_an_abort_before_the_first_evaluation(tmp_path: Path, info: RunInfo, snapshot: Snapshot) -> None:
    tracker = SummaryTracker(tmp_path)
    tracker.on_start(info, snapshot)
    tracker.on_abort(Status.interrupted, "")
    assert (summary(tmp_path)["steps"], summary(tmp_path)["final"]) == (0, {})


def test_a_finished_run_stays_finished(tmp_path: Path, play: Callable[[Callback], None]) -> None:
    tracker = SummaryTracker(tmp_path)
    play(tracker)
    tracker.on_abort(Status.failed, "another run of the cohort failed")
    assert (summary(tmp_path)["status"], summary(tmp_path)["message"]) == ("completed", None)


def test_a_run_that_goes_on_has_not_ended(
    tmp_path: Path, info: RunInfo, snapshot: Snapshot, progress: dict[str, int | float]
) -> None:
    SummaryTracker(tmp_path).on_abort(Status.interrupted, "")
    assert summary(tmp_path)["status"] == "interrupted"
    progress["step"] = 26
    SummaryTracker(tmp_path).on_start(info, snapshot)
    assert list(tmp_path.iterdir()) == []


def test_a_diverged_run_of_a_regression(
    tmp_path: Path, info: RunInfo, snapshot: Snapshot, result: RunResult
) -> None:
    diverged = dataclasses.replace(
        result, status=Status.diverged, diverged_at=40, final={"val": Scores(float("nan"))}
    )
    tracker = SummaryTracker(tmp_path)
    tracker.on_start(dataclasses.replace(info, gradcheck=None), snapshot)
    tracker.on_end(diverged, snapshot)
    told = summary(tmp_path)
    assert (told["status"], told["diverged_at"], told["gradcheck"]) == ("diverged", 40, None)
    assert told["final"] == {"val": {"loss": None, "accuracy": None}}


def test_config_hash_follows_what_changes_numbers(config: TrainConfig) -> None:
    same = dataclasses.replace(config, name="other", tracking=TrackingConfig(tensorboard=False))
    assert config_hash(same) == config_hash(config)
    assert config_hash(dataclasses.replace(config, seed=4)) != config_hash(config)
    assert config_hash(dataclasses.replace(config, optimizer=SGDConfig(lr=0.3))) != config_hash(config)
