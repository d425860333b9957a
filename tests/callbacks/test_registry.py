import dataclasses
import inspect
import pkgutil
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest

import dlhw.callbacks
from dlhw.callbacks.loss_advice import LossAdvice
from dlhw.callbacks.registry import CallOrder, RunSetup, _factories, build_callbacks, register, registered
from dlhw.config.root import TrainConfig
from dlhw.config.tracking import Console, TrackingConfig
from dlhw.training.callbacks import Callback

ALL = ["Metrics", "TensorBoard", "Checkpoint", "Predictions", "Summary", "Console"]


def names(config: TrainConfig, tracking: TrackingConfig, is_shown: bool = True) -> list[str]:
    setup = RunSetup(dataclasses.replace(config, tracking=tracking), Path("folder"), is_shown)
    return [type(callback).__name__.removesuffix("Callback") for callback in build_callbacks(setup)]


@pytest.mark.parametrize(
    ("tracking", "is_shown", "without"),
    [
        (TrackingConfig(), True, None),
        (TrackingConfig(), False, "Console"),
        (TrackingConfig(console=Console.none), True, "Console"),
        (TrackingConfig(tensorboard=False), True, "TensorBoard"),
        (TrackingConfig(checkpoints=False), True, "Checkpoint"),
        (TrackingConfig(predictions=False), True, "Predictions"),
    ],
)
def test_a_config_gets_the_callbacks_that_it_enables(
    config: TrainConfig, tracking: TrackingConfig, is_shown: bool, without: str | None
) -> None:
    assert names(config, tracking, is_shown) == [name for name in ALL if name != without]


def test_every_callback_of_the_package_is_registered(config: TrainConfig) -> None:
    """Save the one that a command adds itself, because it needs the data set."""
    modules = [
        import_module(f"dlhw.callbacks.{module.name}")
        for module in pkgutil.iter_modules(dlhw.callbacks.__path__)
    ]
    defined = {
        value
        for module in modules
        for value in vars(module).values()
        if inspect.isclass(value) and issubclass(value, Callback) and value.__module__ == module.__name__
    }
    built = {type(callback) for callback in build_callbacks(RunSetup(config, Path("folder")))}
    assert defined == built | {LossAdvice}


def test_a_registered_function_adds_a_callback_in_its_order(config: TrainConfig) -> None:
    class Plot(Callback):
        pass

    registered.cache_clear()
    try:

        @register(CallOrder.result)
        def plot(setup: RunSetup) -> Callback:
            return Plot()

        with_plot = names(config, TrackingConfig())
        assert with_plot == [
            "Metrics",
            "TensorBoard",
            "Checkpoint",
            "Plot",
            "Predictions",
            "Summary",
            "Console",
        ]
    finally:
        del _factories["plot"]
        registered.cache_clear()


def test_all_callbacks_write_into_one_folder(
    tmp_path: Path,
    config: TrainConfig,
    play: Callable[[Callback], None],
    progress: dict[str, int | float],
    capsys: pytest.CaptureFixture[str],
) -> None:
    for callback in build_callbacks(RunSetup(config, tmp_path)):
        progress.update(epoch=0, step=0)
        play(callback)
    files = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    assert [name for name in files if "tfevents" not in name] == [
        "checkpoints/best.safetensors",
        "checkpoints/last.safetensors",
        "metrics.csv",
        "summary.json",
    ]
    assert len(files) == 5
    assert "finished: 3 epochs" in capsys.readouterr().out
