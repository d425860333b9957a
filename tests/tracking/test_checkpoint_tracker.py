from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from dlhw.config.load import from_dict
from dlhw.tracking.checkpoint import check_matches, load_checkpoint
from dlhw.tracking.checkpoints import BEST, LAST, CheckpointTracker
from dlhw.training.events import Evaluation, RunInfo, RunResult, Scores, Snapshot, Status, Tracker


def saved_step(path: Path) -> int:
    return int(load_checkpoint(path)[1]["step"])


@pytest.mark.parametrize("pause", [0.0, 1000.0])
def test_last_and_best_of_a_whole_run(
    tmp_path: Path,
    play: Callable[[Tracker], None],
    parameters: dict[str, Tensor],
    info: RunInfo,
    pause: float,
) -> None:
    play(CheckpointTracker(tmp_path, pause=pause))
    tensors, state = load_checkpoint(tmp_path / LAST)
    assert (saved_step(tmp_path / BEST), saved_step(tmp_path / LAST)) == (52, 78)
    assert torch.equal(tensors["parameters/fc1.weight"], parameters["fc1.weight"])
    best, _ = load_checkpoint(tmp_path / BEST)
    torch.testing.assert_close(best["parameters/fc1.weight"], parameters["fc1.weight"] - 1)
    assert tensors["optimizer/momentum_buffer"].shape == (1210,)
    assert state["progress"] == {"epoch": 3, "step": 78, "best": float("inf")}
    assert state["scores"]["val"] == {"loss": 0.2, "accuracy": 0.9}
    assert from_dict(state["config"]) == info.config
    check_matches(tmp_path / LAST, tensors, info.layers)


def test_writing_is_held_back(
    tmp_path: Path, info: RunInfo, snapshot: Snapshot, evaluations: list[Evaluation]
) -> None:
    tracker = CheckpointTracker(tmp_path, pause=1000.0)
    tracker.start(info, snapshot)
    assert not (tmp_path / LAST).exists()
    tracker.evaluated(evaluations[0], snapshot)
    tracker.evaluated(evaluations[1], snapshot)
    assert saved_step(tmp_path / LAST) == 26
    assert not (tmp_path / BEST).exists()
    tracker.abort(Status.interrupted, "")
    assert saved_step(tmp_path / LAST) == 52
    assert saved_step(tmp_path / BEST) == 52


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_finite_parameters_are_never_replaced_by_others(
    tmp_path: Path,
    info: RunInfo,
    snapshot: Snapshot,
    evaluations: list[Evaluation],
    result: RunResult,
    parameters: dict[str, Tensor],
    bad: float,
) -> None:
    tracker = CheckpointTracker(tmp_path, pause=0.0)
    tracker.start(info, snapshot)
    tracker.evaluated(evaluations[0], snapshot)
    parameters["fc2.bias"][3] = bad
    tracker.evaluated(evaluations[1], snapshot)
    tracker.finish(result, snapshot)
    assert saved_step(tmp_path / LAST) == 26


def test_without_validation_the_last_is_the_best(
    tmp_path: Path, info: RunInfo, snapshot: Snapshot, evaluations: list[Evaluation], result: RunResult
) -> None:
    tracker = CheckpointTracker(tmp_path, pause=0.0)
    tracker.start(info, snapshot)
    for evaluation in (evaluations[0], evaluations[2]):
        tracker.evaluated(evaluation, snapshot)
    assert not (tmp_path / BEST).exists()
    tracker.finish(result, snapshot)
    assert saved_step(tmp_path / BEST) == saved_step(tmp_path / LAST) == 78


def test_the_test_evaluation_writes_nothing(tmp_path: Path, info: RunInfo, snapshot: Snapshot) -> None:
    tracker = CheckpointTracker(tmp_path, pause=0.0)
    tracker.start(info, snapshot)
    scores = {"test": Scores(0.1, 0.9)}
    tracker.evaluated(Evaluation(epoch=3, step=78, seconds=1, lr=1, scores=scores), snapshot)
    tracker.abort(Status.failed, "")
    assert not (tmp_path / "checkpoints").exists()
