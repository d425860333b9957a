"""Derived metrics from a run's curves and checkpoint, and values that a procedure reports."""

import json
import math
import statistics
from collections.abc import Sequence
from pathlib import Path

import commands
import pytest
import torch
from report_runs import frame_of, lr_sweep, make_run, study_of

from dlhw.callbacks.checkpoints import save_checkpoint
from dlhw.config.experiment_entries import DERIVED, DERIVED_KINDS
from dlhw.errors import RunFolderError
from dlhw.reporting.derived_metrics import (
    READ,
    SCORED,
    best_at,
    jump,
    period,
    rise,
    roughness,
    spread,
    squared_norm,
    with_derived,
)
from dlhw.reporting.frames import load_runs
from dlhw.reporting.metrics import RunMetric


def write_curve(folder: Path, accuracies: Sequence[float]) -> None:
    """The metrics.csv of a run with these validation accuracies, and the loss 1 / epoch."""
    rows = [f"0,{epoch},{epoch},val,{1 / epoch},{value},0" for epoch, value in enumerate(accuracies, 1)]
    (folder / "metrics.csv").write_text("\n".join(["run,epoch,step,split,loss,accuracy,seconds", *rows, ""]))


def test_numbers_of_a_curve(tmp_path: Path) -> None:
    write_curve(tmp_path, (0.2, 0.1, 0.7, 0.4, 0.7, 0.6))
    assert jump(tmp_path, "val", "accuracy") == pytest.approx((0.3 + 0.1) / 2)  # of .4, .7, .6
    assert rise(tmp_path, "val", "accuracy") == pytest.approx(-0.1)
    assert best_at(tmp_path, "val", "accuracy") == 3
    assert best_at(tmp_path, "val", "loss") == 6
    for measure in (jump, rise, best_at):
        assert math.isnan(measure(tmp_path, "train", "accuracy"))


def test_period_of_a_curve(tmp_path: Path) -> None:
    write_curve(tmp_path, [0.5 + 0.1 * math.sin(2 * math.pi * step / 7) for step in range(60)])
    assert period(tmp_path, "val", "accuracy") == 7
    path = tmp_path / "metrics.csv"
    path.write_text(path.read_text() + "0,61,99,val,1,.5,0\n")  # an evaluation after the last step
    assert period(tmp_path, "val", "accuracy") == 7
    write_curve(tmp_path, [0.5 + 0.01 * step for step in range(60)])  # never repeats
    assert math.isnan(period(tmp_path, "val", "accuracy"))
    assert math.isnan(period(tmp_path, "train", "accuracy"))


def test_roughness_of_images_of_weights(tmp_path: Path) -> None:
    def measured(images_ORC: torch.Tensor, shape: list[int]) -> float:
        weight_IO = images_ORC.flatten(1).T.contiguous()
        (tmp_path / "checkpoints").mkdir(exist_ok=True)
        path = tmp_path / "checkpoints" / "last.safetensors"
        save_checkpoint(path, {"parameters/fc.weight": weight_IO}, {"input_shape": shape})
        return roughness(tmp_path, "weights")

    checkers_ORC = torch.tensor([[[1.0, -1.0], [-1.0, 1.0]]])
    assert measured(checkers_ORC, [1, 2, 2]) == 2.0  # four neighbours differ by 2, four magnitudes of 1
    assert measured(3 * checkers_ORC, [1, 2, 2]) == 2.0
    assert measured(torch.ones(2, 2, 2), [1, 2, 2]) == 0.0
    assert math.isnan(measured(torch.zeros(1, 2, 2), [1, 2, 2]))
    assert math.isnan(measured(checkers_ORC, [4]))


def test_gap_and_error_rate(tmp_path: Path) -> None:
    frame = frame_of(lr_sweep(tmp_path))
    derived = with_derived(frame, ["gap/train/val/accuracy", "gap/train/test/accuracy", "error/test"])
    train, val, test = (frame[f"{name}/accuracy"] for name in ("final/train", "final/val", "selected/test"))
    assert derived["gap/train/val/accuracy"].tolist() == (train - val).tolist()
    assert derived["gap/train/test/accuracy"].tolist() == (train - test).tolist()
    assert derived["error/test"].tolist() == (1 - test).tolist()


@pytest.mark.parametrize("kind", DERIVED_KINDS)
def test_every_derived_metric_has_a_heading_and_a_function(kind: str) -> None:
    example = {
        "gap": "gap/train/val/loss",
        "error": "error/test",
        "squared_norm": "squared_norm/biases",
        "roughness": "roughness/weights",
    }
    name = example.get(kind, f"{kind}/val/loss")
    assert DERIVED.fullmatch(name)
    assert kind in SCORED | READ
    assert RunMetric(name).label not in ("", name)


def test_spread_is_of_the_second_half(tmp_path: Path) -> None:
    write_curve(tmp_path, (0.9, 0.1, 0.5, 0.7))
    assert spread(tmp_path, "val", "accuracy") == statistics.stdev([0.5, 0.7])
    assert math.isnan(spread(tmp_path, "train", "accuracy"))


def test_columns_are_added_where_they_are_asked_for(tmp_path: Path) -> None:
    frame = frame_of(lr_sweep(tmp_path))
    names = ["final/val/accuracy", "spread.val.accuracy", "squared_norm/weights"]
    derived = with_derived(frame, names)
    assert set(derived.columns) - set(frame.columns) == {"spread/val/accuracy", "squared_norm/weights"}
    assert (derived["spread/val/accuracy"] > 0).all()
    assert derived["squared_norm/weights"].isna().all()  # these runs have no checkpoint
    assert RunMetric("spread/val/accuracy").split == ""
    assert RunMetric("spread/val/accuracy").label == "standard deviation of validation accuracy, second half"


def test_the_norm_of_a_real_run(tmp_path: Path) -> None:
    from dlhw.callbacks.checkpoints import load_checkpoint

    folder = commands.train(*commands.FAST, cwd=tmp_path)
    tensors, _ = load_checkpoint(folder / "checkpoints" / "last.safetensors")
    weights = [tensor for name, tensor in tensors.items() if name.endswith("weight") and "parameters" in name]
    expected = sum(float((weight.double() ** 2).sum()) for weight in weights)
    assert squared_norm(folder, "weights") == pytest.approx(expected, rel=1e-12)
    assert squared_norm(folder, "parameters") == pytest.approx(expected + squared_norm(folder, "biases"))
    assert squared_norm(folder, "biases") > 0
    frame = with_derived(load_runs(folder), ["squared_norm/weights"])
    assert frame["squared_norm/weights"].tolist() == [squared_norm(folder, "weights")]


def run_with_values(folder: Path, values: object) -> Path:
    """A run whose procedure reports these values."""
    make_run(folder)
    path = folder / "summary.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"values": values}))
    return folder


def test_values_of_a_procedure_are_columns(tmp_path: Path) -> None:
    run_with_values(tmp_path / "0", {"errors": 3, "is_separable": True, "gap": None})
    run_with_values(tmp_path / "1", {"errors": 5, "is_separable": False, "gap": 0.5})
    frame = frame_of(tmp_path)
    assert frame["values.errors"].tolist() == [3, 5]
    assert frame["values.is_separable"].tolist() == [1, 0]
    assert frame["values.gap"].isna().tolist() == [True, False]
    study = study_of(tmp_path, metrics=["values.errors", "values.is_separable"])
    assert study.keys == []
    assert [metric.label for metric in study.metrics] == ["errors", "is separable"]
    assert study.estimate(0, study.metrics[0]).mean == 3  # the second run repeats the first one's config


def test_values_that_are_no_numbers_are_damage(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="its scores are not numbers"):
        frame_of(run_with_values(tmp_path, {"errors": "three"}))
