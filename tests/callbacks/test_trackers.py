import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from dlhw.callbacks.trackers import run_trackers
from dlhw.config.root import TrainConfig
from dlhw.config.tracking import Console, TrackingConfig
from dlhw.training.callbacks import Callback


def names(config: TrainConfig, tracking: TrackingConfig, show_console: bool = True) -> list[str]:
    trackers = run_trackers(dataclasses.replace(config, tracking=tracking), Path("folder"), show_console)
    return [type(tracker).__name__.removesuffix("Tracker") for tracker in trackers]


@pytest.mark.parametrize(
    ("tracking", "show_console", "expected"),
    [
        (
            TrackingConfig(),
            True,
            ["Metrics", "TensorBoard", "Checkpoint", "Predictions", "Summary", "Console"],
        ),
        (TrackingConfig(), False, ["Metrics", "TensorBoard", "Checkpoint", "Predictions", "Summary"]),
        (
            TrackingConfig(console=Console.none),
            True,
            ["Metrics", "TensorBoard", "Checkpoint", "Predictions", "Summary"],
        ),
        (TrackingConfig(tensorboard=False), False, ["Metrics", "Checkpoint", "Predictions", "Summary"]),
        (TrackingConfig(checkpoints=False), False, ["Metrics", "TensorBoard", "Predictions", "Summary"]),
        (TrackingConfig(predictions=False), False, ["Metrics", "TensorBoard", "Checkpoint", "Summary"]),
    ],
)
def test_a_config_gets_the_trackers_it_asks_for(
    config: TrainConfig, tracking: TrackingConfig, show_console: bool, expected: list[str]
) -> None:
    assert names(config, tracking, show_console) == expected


def test_all_trackers_write_into_one_folder(
    tmp_path: Path,
    config: TrainConfig,
    play: Callable[[Callback], None],
    progress: dict[str, int | float],
    capsys: pytest.CaptureFixture[str],
) -> None:
    for tracker in run_trackers(config, tmp_path, show_console=True):
        progress.update(epoch=0, step=0)
        play(tracker)
    found = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    assert [name for name in found if "tfevents" not in name] == [
        "checkpoints/best.safetensors",
        "checkpoints/last.safetensors",
        "metrics.csv",
        "summary.json",
    ]
    assert len(found) == 5
    assert "finished: 3 epochs" in capsys.readouterr().out
