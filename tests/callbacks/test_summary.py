import dataclasses
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dlhw.callbacks.summary import SummaryCallback
from dlhw.config.fields import config_hash
from dlhw.config.optimizer import SGDConfig
from dlhw.config.root import TrainConfig
from dlhw.config.tracking import TrackingConfig
from dlhw.status import Status
from dlhw.training.callbacks import Callback
from dlhw.training.events import Evaluation, RunInfo, RunResult, Scores, Snapshot


def summary(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "summary.json").read_text())


def test_a_whole_run(tmp_path: Path, play: Callable[[Callback], None]) -> None:
    play(SummaryCallback(tmp_path))
    content = summary(tmp_path)
    assert content["status"] == "completed"
    assert content["final"]["val"] == {"loss": 0.2, "accuracy": 0.9}
    assert content["best"]["val"] == {"loss": 0.1, "accuracy": 0.95}
    assert (content["best_epoch"], content["best_step"]) == (2, 52)
    assert (content["epochs"], content["steps"], content["seconds"]) == (3, 78, 0.5)
    assert (content["diverged_at"], content["message"]) == (None, None)
    assert content["gradcheck"] == {"max_relative_error": 3.1e-16}
    assert content["num_samples"] == {"train": 1617, "val": 180, "test": 0}
    assert (content["seed"], content["num_parameters"]) == (3, 1210)
    assert (content["device"], content["dtype"], content["matmul"]) == ("cpu", "float32", "medium")
    assert all(content["versions"][name] for name in ("python", "dlhw", "torch", "numpy", "hydra-core"))
    assert content["num_threads"] >= 1
    assert content["platform"]
    assert content["cpu"]
    assert "git" in content
    assert datetime.fromisoformat(content["created"]).utcoffset() == timedelta(0)


def test_nothing_is_written_before_the_end(
    tmp_path: Path, info: RunInfo, snapshot: Snapshot, evaluations: list[Evaluation]
) -> None:
    callback = SummaryCallback(tmp_path)
    callback.on_start(info, snapshot)
    callback.on_evaluation(evaluations[0], snapshot)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("status", [Status.interrupted, Status.failed])
def test_an_aborted_run_records_how_far_it_came(
    tmp_path: Path, info: RunInfo, snapshot: Snapshot, evaluations: list[Evaluation], status: Status
) -> None:
    callback = SummaryCallback(tmp_path)
    callback.on_start(info, snapshot)
    for evaluation in evaluations:
        callback.on_evaluation(evaluation, snapshot)
    callback.on_abort(status, "the reason")
    content = summary(tmp_path)
    assert (content["status"], content["message"]) == (status.value, "the reason")
    assert (content["steps"], content["best_step"]) == (78, 52)
    assert content["best"]["val"]["accuracy"] == 0.95


def test_an_abort_before_the_first_evaluation(tmp_path: Path, info: RunInfo, snapshot: Snapshot) -> None:
    callback = SummaryCallback(tmp_path)
    callback.on_start(info, snapshot)
    callback.on_abort(Status.interrupted, "")
    assert (summary(tmp_path)["steps"], summary(tmp_path)["final"]) == (0, {})


def test_a_finished_run_stays_finished(tmp_path: Path, play: Callable[[Callback], None]) -> None:
    callback = SummaryCallback(tmp_path)
    play(callback)
    callback.on_abort(Status.failed, "another run of the cohort failed")
    assert (summary(tmp_path)["status"], summary(tmp_path)["message"]) == ("completed", None)


def test_a_resumed_run_has_not_ended(
    tmp_path: Path, info: RunInfo, snapshot: Snapshot, progress: dict[str, int | float]
) -> None:
    SummaryCallback(tmp_path).on_abort(Status.interrupted, "")
    assert summary(tmp_path)["status"] == "interrupted"
    progress["step"] = 26
    SummaryCallback(tmp_path).on_start(info, snapshot)
    assert list(tmp_path.iterdir()) == []


def test_a_diverged_run_of_a_regression(
    tmp_path: Path, info: RunInfo, snapshot: Snapshot, result: RunResult
) -> None:
    diverged = dataclasses.replace(
        result, status=Status.diverged, diverged_at=40, final={"val": Scores(float("nan"))}
    )
    callback = SummaryCallback(tmp_path)
    callback.on_start(dataclasses.replace(info, gradcheck=None), snapshot)
    callback.on_end(diverged, snapshot)
    content = summary(tmp_path)
    assert (content["status"], content["diverged_at"], content["gradcheck"]) == ("diverged", 40, None)
    assert content["final"] == {"val": {"loss": None, "accuracy": None}}


def test_config_hash_follows_what_changes_numbers(config: TrainConfig) -> None:
    same = dataclasses.replace(config, name="other", tracking=TrackingConfig(tensorboard=False))
    assert config_hash(same) == config_hash(config)
    assert config_hash(dataclasses.replace(config, seed=4)) != config_hash(config)
    assert config_hash(dataclasses.replace(config, optimizer=SGDConfig(lr=0.3))) != config_hash(config)
