import csv
import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from dlhw.callbacks.metrics_csv import MetricsCallback, append_whole
from dlhw.status import Status
from dlhw.training.callbacks import Callback
from dlhw.training.events import Evaluation, RunInfo, Scores, Snapshot

HEADER = "run,epoch,step,split,loss,accuracy,seconds\n"


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_one_row_for_each_evaluation_and_split(tmp_path: Path, play: Callable[[Callback], None]) -> None:
    play(MetricsCallback(tmp_path))
    assert (tmp_path / "metrics.csv").read_text().startswith(HEADER)
    assert [(row["step"], row["split"]) for row in rows(tmp_path)] == [
        (step, split) for step in ("26", "52", "78") for split in ("train", "val")
    ]
    assert rows(tmp_path)[3] == {
        "run": "0",
        "epoch": "2.0",
        "step": "52",
        "split": "val",
        "loss": "0.1",
        "accuracy": "0.95",
        "seconds": "0.285714",
    }


@pytest.mark.parametrize("loss", [1 / 3, 1e-300, float("nan"), float("inf"), -float("inf")])
def test_losses_keep_every_digit(tmp_path: Path, info: RunInfo, snapshot: Snapshot, loss: float) -> None:
    callback = MetricsCallback(tmp_path)
    callback.on_start(info, snapshot)
    callback.on_evaluation(
        Evaluation(epoch=0.5, step=13, seconds=1, lr=1, scores={"val": Scores(loss)}), snapshot
    )
    (row,) = rows(tmp_path)
    assert row["loss"] == repr(loss)
    assert row["accuracy"] == ""
    assert row["epoch"] == "0.5"


def test_rows_are_there_before_the_run_ends(
    tmp_path: Path, info: RunInfo, snapshot: Snapshot, evaluations: list[Evaluation]
) -> None:
    callback = MetricsCallback(tmp_path)
    callback.on_start(dataclasses.replace(info, index=7), snapshot)
    assert (tmp_path / "metrics.csv").read_text() == HEADER
    callback.on_evaluation(evaluations[0], snapshot)
    assert [row["run"] for row in rows(tmp_path)] == ["7", "7"]
    callback.on_abort(Status.interrupted, "")
    assert len(rows(tmp_path)) == 2


def test_a_failed_append_leaves_no_torn_line(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    path = tmp_path / "metrics.csv"
    path.write_text(HEADER)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(HEADER) + 5, hard))  # room for half a row
    try:
        with pytest.raises(OSError, match="File too large"):
            append_whole(path, b"0,1.0,26,val,0.5,0.5,1.0\n")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_text() == HEADER


def test_a_resumed_run_repeats_no_row(
    tmp_path: Path,
    info: RunInfo,
    snapshot: Snapshot,
    evaluations: list[Evaluation],
    play: Callable[[Callback], None],
    progress: dict[str, int | float],
) -> None:
    play(MetricsCallback(tmp_path))
    whole = (tmp_path / "metrics.csv").read_text()
    with (tmp_path / "metrics.csv").open("a") as file:
        file.write("0,3.5,9")  # torn by a kill
    progress["step"] = 52
    again = MetricsCallback(tmp_path)
    again.on_start(info, snapshot)
    assert rows(tmp_path)[-1]["step"] == "52"
    again.on_evaluation(evaluations[2], snapshot)
    assert (tmp_path / "metrics.csv").read_text() == whole


def test_a_new_run_starts_an_empty_file(
    tmp_path: Path,
    info: RunInfo,
    snapshot: Snapshot,
    play: Callable[[Callback], None],
    progress: dict[str, int | float],
) -> None:
    play(MetricsCallback(tmp_path))
    progress["step"] = 0
    MetricsCallback(tmp_path).on_start(info, snapshot)
    assert (tmp_path / "metrics.csv").read_text() == HEADER
