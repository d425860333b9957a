"""TensorBoard on a sweep's folder: runs are named by their swept values, HParams has one row a run."""

from pathlib import Path

from commands import run
from sweeping import SMALL
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator


def test_runs_and_their_hyperparameters(tmp_path: Path) -> None:
    zipped = "+zip={optimizer.lr:[0.1,0.2],regularizer.alpha:[0.001,0.01]}"
    done = run("dlhw-train", "-m", *SMALL, "tracking.console=none", "regularizer=l2", zipped, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "runs" / "digits-softmax" / "by-lr+alpha"
    events = {path.parent.relative_to(folder): path for path in folder.rglob("events.out.tfevents.*")}
    assert {str(name) for name in events} == {"lr=0.1,alpha=0.001", "lr=0.2,alpha=0.01"}
    for path in events.values():
        accumulator = EventAccumulator(str(path)).Reload()
        content = accumulator.summary_metadata
        assert "_hparams_/session_start_info" in content
        assert "_hparams_/session_end_info" in content
        assert "loss/val" in accumulator.Tags()["tensors"] + accumulator.Tags()["scalars"]
