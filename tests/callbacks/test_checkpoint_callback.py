from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from dlhw.callbacks.checkpoints import CheckpointCallback, check_matches, load_checkpoint
from dlhw.config.load import from_dict
from dlhw.runs.folder import BEST, LAST, PREVIOUS
from dlhw.sections import PARAMETERS, under
from dlhw.status import Status
from dlhw.training.callbacks import Callback
from dlhw.training.events import Evaluation, RunInfo, RunResult, Scores, Snapshot


def saved_step(path: Path) -> int:
    return int(load_checkpoint(path)[1]["step"])


def test_last_and_best_of_a_whole_run(
    tmp_path: Path, play: Callable[[Callback], None], parameters: dict[str, Tensor], info: RunInfo
) -> None:
    play(CheckpointCallback(tmp_path))
    tensors, state = load_checkpoint(tmp_path / LAST)
    assert (saved_step(tmp_path / BEST), saved_step(tmp_path / LAST)) == (52, 78)
    assert torch.equal(tensors["parameters/fc1.weight"], parameters["fc1.weight"])
    best, _ = load_checkpoint(tmp_path / BEST)
    torch.testing.assert_close(best["parameters/fc1.weight"], parameters["fc1.weight"] - 1)
    assert tensors["optimizer/momentum_buffer"].shape == (1210,)
    assert tensors["streams/dropout"].tolist() == [0, 1, 2, 3, 4]
    assert "streams/dropout" not in best
    assert state["progress"] == {"epoch": 3, "step": 78, "best": {"value": float("inf"), "scores": {}}}
    assert state["scores"]["val"] == {"loss": 0.2, "accuracy": 0.9}
    assert from_dict(state["config"]) == info.config
    check_matches(tmp_path / LAST, under(PARAMETERS, tensors), info.layers)


def test_the_checkpoint_before_stays_while_the_run_is_under_way(
    tmp_path: Path, info: RunInfo, snapshot: Snapshot, result: RunResult, progress: dict[str, Any]
) -> None:
    callback = CheckpointCallback(tmp_path)
    callback.on_start(info, snapshot)
    assert not (tmp_path / LAST).exists()
    for step in (5, 26, 31):
        progress["step"] = step
        callback.on_checkpoint(snapshot)
    assert (saved_step(tmp_path / LAST), saved_step(tmp_path / PREVIOUS)) == (31, 26)
    progress["step"] = result.steps
    callback.on_end(result, snapshot)
    assert saved_step(tmp_path / LAST) == result.steps
    assert not (tmp_path / PREVIOUS).exists()


def test_the_best_is_written_before_the_last_that_refers_to_it(
    tmp_path: Path, info: RunInfo, snapshot: Snapshot, evaluations: list[Evaluation], progress: dict[str, Any]
) -> None:
    callback = CheckpointCallback(tmp_path)
    callback.on_start(info, snapshot)
    progress["step"] = 52
    callback.on_evaluation(evaluations[1], snapshot)
    assert not (tmp_path / BEST).exists()
    progress["step"] = 60
    callback.on_checkpoint(snapshot)
    assert (saved_step(tmp_path / BEST), saved_step(tmp_path / LAST)) == (52, 60)
    assert (tmp_path / BEST).stat().st_mtime_ns <= (tmp_path / LAST).stat().st_mtime_ns


def test_a_run_that_is_cut_off_keeps_its_best(
    tmp_path: Path, info: RunInfo, snapshot: Snapshot, evaluations: list[Evaluation], progress: dict[str, Any]
) -> None:
    callback = CheckpointCallback(tmp_path)
    callback.on_start(info, snapshot)
    progress["step"] = 52
    callback.on_evaluation(evaluations[1], snapshot)
    callback.on_abort(Status.failed, "")
    assert saved_step(tmp_path / BEST) == 52
    assert not (tmp_path / LAST).exists()


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_finite_parameters_are_never_replaced_by_others(
    tmp_path: Path,
    info: RunInfo,
    snapshot: Snapshot,
    evaluations: list[Evaluation],
    result: RunResult,
    parameters: dict[str, Tensor],
    progress: dict[str, Any],
    bad: float,
) -> None:
    callback = CheckpointCallback(tmp_path)
    callback.on_start(info, snapshot)
    progress["step"] = 26
    callback.on_evaluation(evaluations[1], snapshot)
    callback.on_checkpoint(snapshot)
    parameters["fc2.bias"][3] = bad
    progress["step"] = 52
    callback.on_evaluation(evaluations[1], snapshot)
    callback.on_checkpoint(snapshot)
    callback.on_end(result, snapshot)
    assert (saved_step(tmp_path / LAST), saved_step(tmp_path / BEST)) == (26, 26)


def test_without_a_best_evaluation_the_last_is_the_best(
    tmp_path: Path,
    info: RunInfo,
    snapshot: Snapshot,
    evaluations: list[Evaluation],
    result: RunResult,
    progress: dict[str, Any],
) -> None:
    callback = CheckpointCallback(tmp_path)
    callback.on_start(info, snapshot)
    for evaluation in (evaluations[0], evaluations[2]):
        progress["step"] = evaluation.step
        callback.on_evaluation(evaluation, snapshot)
    callback.on_end(result, snapshot)
    assert saved_step(tmp_path / BEST) == saved_step(tmp_path / LAST) == 78


def test_the_test_evaluation_writes_nothing(tmp_path: Path, info: RunInfo, snapshot: Snapshot) -> None:
    callback = CheckpointCallback(tmp_path)
    callback.on_start(info, snapshot)
    scores = {"test": Scores(0.1, 0.9)}
    callback.on_evaluation(
        Evaluation(epoch=3, step=78, seconds=1, lr=1, scores=scores, is_best=True), snapshot
    )
    callback.on_abort(Status.failed, "")
    assert not (tmp_path / "checkpoints").exists()
