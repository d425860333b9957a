import dataclasses
import io
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.context import RequestContext
from tensorboard.plugins.base_plugin import TBContext
from tensorboard.plugins.hparams import api_pb2, list_session_groups
from tensorboard.plugins.hparams.backend_context import Context
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData
from torch import Tensor

from dlhw.callbacks.confusion import confusion_image
from dlhw.callbacks.tensorboard import TensorBoardCallback
from dlhw.callbacks.tensorboard_events import metric_values
from dlhw.callbacks.weight_images import weight_image, weight_tiles
from dlhw.config.load import to_dict
from dlhw.config.optimizer import SGDConfig
from dlhw.status import Status
from dlhw.training.callbacks import Callback
from dlhw.training.events import Evaluation, RunInfo, RunResult, Scores, Snapshot


def read(folder: Path) -> EventAccumulator:
    events = EventAccumulator(
        str(folder), size_guidance=dict.fromkeys(("images", "histograms", "scalars"), 0)
    )
    events.Reload()
    return events


def scalars(events: EventAccumulator, tag: str) -> list[tuple[int, float]]:
    return [(event.step, event.value) for event in events.Scalars(tag)]


def image_steps(events: EventAccumulator, tag: str) -> list[int]:
    return [event.step for event in events.Images(tag)]


def hparams(events: EventAccumulator, tag: str) -> HParamsPluginData:
    content = events.SummaryMetadata(f"_hparams_/{tag}").plugin_data.content
    return HParamsPluginData.FromString(content)


def hparams_tab(folder: Path) -> tuple[Any, list[Any]]:
    """What the server answers the HParams tab for all runs in a folder."""
    multiplexer = EventMultiplexer().AddRunsFromDirectory(str(folder))
    multiplexer.Reload()
    provider = MultiplexerDataProvider(multiplexer, str(folder))
    context = Context(TBContext(data_provider=provider))
    metadata = context.hparams_metadata(RequestContext(), "")
    experiment = context.experiment_from_metadata(RequestContext(), "", True, metadata, [])
    request = api_pb2.ListSessionGroupsRequest(
        start_index=0,
        slice_size=99,
        allowed_statuses=[api_pb2.STATUS_SUCCESS],
        aggregation_type=api_pb2.AGGREGATION_AVG,
        col_params=[api_pb2.ColParams(hparam="optimizer.lr", order=api_pb2.ORDER_ASC)],
    )
    answer = list_session_groups.Handler(RequestContext(), context, "", request).run()
    return experiment, list(answer.session_groups)


def test_one_event_file_in_the_run_folder(tmp_path: Path, play: Callable[[Callback], None]) -> None:
    play(TensorBoardCallback(tmp_path, 5))
    assert [path.name.split(".")[:3] for path in tmp_path.iterdir()] == [["events", "out", "tfevents"]]


def test_scalars_read_back(
    tmp_path: Path, play: Callable[[Callback], None], parameters: dict[str, Tensor]
) -> None:
    play(TensorBoardCallback(tmp_path, 5))
    events = read(tmp_path)
    assert scalars(events, "loss/val") == [
        (26, pytest.approx(0.7)),
        (52, pytest.approx(0.1)),
        (78, pytest.approx(0.2)),
    ]
    assert [step for step, _ in scalars(events, "accuracy/train")] == [26, 52, 78]
    assert scalars(events, "optimizer/lr")[0] == (26, 0.25)
    norm = pytest.approx(float(parameters["fc1.weight"].norm()))
    assert scalars(events, "norm/weight/fc1.weight")[-1] == (78, norm)
    expected = {f"{kind}/{split}" for kind in ("loss", "accuracy") for split in ("train", "val")}
    expected |= {f"norm/weight/{name}" for name in parameters} | {"optimizer/lr"}
    expected |= {f"hparam/{split}_{kind}" for split in ("train", "val") for kind in ("loss", "accuracy")}
    assert set(events.Tags()["scalars"]) == expected


@pytest.mark.parametrize(
    ("every", "steps"), [(0, [0, 78]), (1, [0, 26, 52, 78]), (2, [0, 52, 78]), (5, [0, 78])]
)
def test_weights_are_drawn_as_often_as_asked(
    tmp_path: Path, play: Callable[[Callback], None], every: int, steps: list[int]
) -> None:
    play(TensorBoardCallback(tmp_path, every))
    events = read(tmp_path)
    assert [event.step for event in events.Histograms("weights/fc1.weight")] == steps
    assert [event.step for event in events.Histograms("gradients/fc2.bias")] == steps[1:]
    assert image_steps(events, "first_layer/fc1.weight") == steps


def test_histograms_read_back(
    tmp_path: Path, play: Callable[[Callback], None], parameters: dict[str, Tensor]
) -> None:
    play(TensorBoardCallback(tmp_path, 5))
    value = read(tmp_path).Histograms("weights/fc1.weight")[-1].histogram_value
    assert value.num == sum(value.bucket) == 64 * 16
    assert value.max == pytest.approx(float(parameters["fc1.weight"].max()))


def test_pictures_decode_to_what_was_drawn(
    tmp_path: Path,
    play: Callable[[Callback], None],
    parameters: dict[str, Tensor],
    result: RunResult,
    info: RunInfo,
) -> None:
    play(TensorBoardCallback(tmp_path, 5))
    assert result.confusion_KK is not None
    drawn = {
        "first_layer/fc1.weight": weight_image(weight_tiles(parameters["fc1.weight"], (1, 8, 8))),
        "confusion/val": confusion_image(result.confusion_KK, info.class_names, "val"),
    }
    events = read(tmp_path)
    assert set(events.Tags()["images"]) == set(drawn)
    for tag, pixels in drawn.items():
        event = events.Images(tag)[-1]
        decoded = np.asarray(Image.open(io.BytesIO(event.encoded_image_string)))
        assert (event.height, event.width) == pixels.shape[:2]
        assert np.array_equal(decoded, pixels)


def test_the_config_is_there_as_yaml(tmp_path: Path, play: Callable[[Callback], None], info: RunInfo) -> None:
    from omegaconf import OmegaConf

    play(TensorBoardCallback(tmp_path, 5))
    (event,) = read(tmp_path).Tensors("config/text_summary")
    text = event.tensor_proto.string_val[0].decode()
    block = text.removeprefix("```yaml\n").removesuffix("```")
    assert OmegaConf.to_container(OmegaConf.create(block)) == to_dict(info.config)


def test_hparams_hold_what_sweeps_vary(tmp_path: Path, play: Callable[[Callback], None]) -> None:
    play(TensorBoardCallback(tmp_path, 5))
    events = read(tmp_path)
    row = hparams(events, "session_start_info").session_start_info.hparams
    numbers = {"seed": 3, "optimizer.lr": 0.25, "optimizer.momentum": 0, "trainer.batch_size": 64}
    assert {key: row[key].number_value for key in numbers} == numbers
    texts = {
        "model.name": "mlp",
        "model.hidden": "[16]",
        "data.name": "digits",
        "optimizer.name": "sgd",
        "regularizer.name": "none",
    }
    assert {key: row[key].string_value for key in texts} == texts
    assert "trainer.epochs" not in row
    assert "trainer.early_stopping.patience" not in row  # null


def test_hparams_metrics_are_scalars_of_the_same_file(
    tmp_path: Path, play: Callable[[Callback], None], result: RunResult
) -> None:
    play(TensorBoardCallback(tmp_path, 5))
    events = read(tmp_path)
    assert {tag for tag in events.Tags()["scalars"] if tag.startswith("hparam/")} == set(
        metric_values(result)
    )
    assert scalars(events, "hparam/val_accuracy") == [(78, pytest.approx(0.95))]


def test_the_hparams_tab_has_a_row_for_each_run(
    tmp_path: Path, info: RunInfo, snapshot: Snapshot, result: RunResult
) -> None:
    """As TensorBoard's own server computes it: fields that differ come first."""
    rates = [0.1, 0.2]
    for rate in rates:
        config = dataclasses.replace(info.config, optimizer=SGDConfig(lr=rate))
        (tmp_path / str(rate)).mkdir()
        callback = TensorBoardCallback(tmp_path / str(rate), 0)
        callback.on_start(dataclasses.replace(info, config=config), snapshot)
        callback.on_end(result, snapshot)
    experiment, rows = hparams_tab(tmp_path)
    assert [field.name for field in experiment.hparam_infos if field.differs] == ["optimizer.lr"]
    assert experiment.hparam_infos[0].name == "optimizer.lr"
    assert [row.hparams["optimizer.lr"].number_value for row in rows] == rates
    for row in rows:
        metrics = {value.name.tag: value.value for value in row.metric_values}
        assert metrics["hparam/val_accuracy"] == pytest.approx(0.95)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (Status.completed, api_pb2.STATUS_SUCCESS),
        (Status.early_stopped, api_pb2.STATUS_SUCCESS),
        (Status.diverged, api_pb2.STATUS_FAILURE),
    ],
)
def test_hparams_tell_how_a_run_ended(
    tmp_path: Path, info: RunInfo, snapshot: Snapshot, result: RunResult, status: Status, code: int
) -> None:
    callback = TensorBoardCallback(tmp_path, 5)
    callback.on_start(info, snapshot)
    callback.on_end(dataclasses.replace(result, status=status), snapshot)
    assert hparams(read(tmp_path), "session_end_info").session_end_info.status == code


def open_files() -> set[str]:
    return {
        os.readlink(f"/proc/self/fd/{fd}")
        for fd in os.listdir("/proc/self/fd")
        if os.path.exists(f"/proc/self/fd/{fd}")
    }


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
@pytest.mark.parametrize("ends", ["finish", "abort", "abort twice", "abort before start"])
def test_nothing_stays_open(
    tmp_path: Path, info: RunInfo, snapshot: Snapshot, result: RunResult, ends: str
) -> None:
    files, threads = open_files(), threading.active_count()
    callback = TensorBoardCallback(tmp_path, 5)
    if ends != "abort before start":
        callback.on_start(info, snapshot)
    if ends == "finish":
        callback.on_end(result, snapshot)
    else:
        callback.on_abort(Status.interrupted, "")
    if ends == "abort twice":
        callback.on_abort(Status.interrupted, "")
    assert open_files() == files
    assert threading.active_count() == threads


def test_a_picture_that_fails_closes_the_row(
    tmp_path: Path, info: RunInfo, snapshot: Snapshot, result: RunResult
) -> None:
    callback = TensorBoardCallback(tmp_path, 5)
    callback.on_start(info, snapshot)
    with pytest.raises(ValueError, match="axes|dimension|diag|array"):
        callback.on_end(dataclasses.replace(result, confusion_KK=torch.zeros(3)), snapshot)
    callback.on_abort(Status.failed, "")
    assert hparams(read(tmp_path), "session_end_info").session_end_info.status == api_pb2.STATUS_SUCCESS


def test_curves_can_be_read_while_training(
    tmp_path: Path, info: RunInfo, snapshot: Snapshot, evaluations: list[Evaluation]
) -> None:
    callback = TensorBoardCallback(tmp_path, 5)
    callback.on_start(info, snapshot)
    callback.on_evaluation(evaluations[0], snapshot)
    assert len(scalars(read(tmp_path), "loss/val")) == 1
    callback.on_abort(Status.interrupted, "")


def test_a_regression_on_a_table(
    tmp_path: Path, info: RunInfo, snapshot: Snapshot, result: RunResult
) -> None:
    scores = {"train": Scores(0.5), "test": Scores(float("inf"))}
    table = dataclasses.replace(info, class_names=[], input_shape=(64,), num_samples={"train": 9, "test": 3})
    callback = TensorBoardCallback(tmp_path, 5)
    callback.on_start(table, snapshot)
    callback.on_evaluation(Evaluation(epoch=1, step=9, seconds=1, lr=1, scores=scores), snapshot)
    callback.on_end(dataclasses.replace(result, final=scores, best=scores, confusion_KK=None), snapshot)
    events = read(tmp_path)
    assert events.Tags()["images"] == []
    assert [tag for tag in events.Tags()["scalars"] if "accuracy" in tag] == []
    assert scalars(events, "loss/test") == [(9, float("inf"))]


def test_the_test_split_comes_alone(tmp_path: Path, info: RunInfo, snapshot: Snapshot) -> None:
    callback = TensorBoardCallback(tmp_path, 1)
    callback.on_start(info, snapshot)
    scores = {"test": Scores(0.5, 0.8)}
    callback.on_evaluation(Evaluation(epoch=3, step=78, seconds=1, lr=1, scores=scores), snapshot)
    callback.on_abort(Status.interrupted, "")
    assert set(read(tmp_path).Tags()["scalars"]) == {"loss/test", "accuracy/test"}


def test_parameters_that_diverged_can_be_drawn(
    tmp_path: Path, play: Callable[[Callback], None], parameters: dict[str, Tensor]
) -> None:
    parameters["fc1.weight"].fill_(float("nan"))
    play(TensorBoardCallback(tmp_path, 1))
    events = read(tmp_path)
    assert "weights/fc1.weight" not in events.Tags()["histograms"]
    assert "weights/fc1.bias" in events.Tags()["histograms"]


def test_a_resumed_run_repeats_no_point(
    tmp_path: Path,
    info: RunInfo,
    snapshot: Snapshot,
    evaluations: list[Evaluation],
    progress: dict[str, int | float],
) -> None:
    for first, last, step in ((0, 3, 0), (2, 3, 52)):
        progress["step"] = step
        callback = TensorBoardCallback(tmp_path, 0)
        callback.on_start(info, snapshot)
        for evaluation in evaluations[first:last]:
            callback.on_evaluation(evaluation, snapshot)
        callback.on_abort(Status.interrupted, "")
    assert [step for step, _ in scalars(read(tmp_path), "loss/val")] == [26, 52, 78]
