"""Run folders as training leaves them, written by the real callbacks in a moment."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import pandas
import yaml
from omegaconf import OmegaConf

from dlhw.callbacks.metrics_csv import MetricsCallback
from dlhw.callbacks.summary import SUMMARY_FILE, about, outcome
from dlhw.config.data import Task
from dlhw.config.load import from_dict, to_dict
from dlhw.config.root import TrainConfig
from dlhw.files import write_json
from dlhw.reporting.frames import load_runs
from dlhw.reporting.study import ReportOptions, Study, make_study
from dlhw.status import Status
from dlhw.training.events import Evaluation, RunInfo, RunResult, Scores, Snapshot

EPOCHS = 3
STEPS = 20  # an epoch
OPTIONS = {
    "model": "mlp", "data": "digits", "optimizer": "sgd", "schedule": "constant", "regularizer": "none",
}  # fmt: skip
REGRESSION = ("data=csv", "data.train=t.csv", "data.task=regression", "model=linear")
Accuracies = Mapping[str, float]


def snapshot() -> Snapshot:
    """Of a run at its beginning, without tensors."""
    return Snapshot(parameters=dict, gradients=dict, norms=dict, progress=dict)


@cache
def _composed(overrides: tuple[str, ...]) -> TrainConfig:
    """What Hydra would compose, a hundred times as fast: groups by their names, then the keys."""
    tree: dict[str, Any] = {group: {"name": name} for group, name in OPTIONS.items()}
    words = [word.partition("=")[::2] for word in overrides]
    tree |= {key: {"name": value} for key, value in words if key in tree}
    keys = OmegaConf.from_dotlist([f"{key}={value}" for key, value in words if key not in tree])
    plain = OmegaConf.to_container(OmegaConf.merge({"name": "digits-mlp"}, tree, keys))
    assert isinstance(plain, dict)
    return from_dict({str(key): value for key, value in plain.items()})


@cache
def _tree(overrides: tuple[str, ...]) -> dict[str, Any]:
    return to_dict(_composed(overrides))


def make_run(
    folder: Path,
    *overrides: str,
    seed: int = 0,
    scores: Accuracies | None = None,
    status: Status | None = Status.completed,
    diverged_at: int | None = None,
) -> Path:
    """One run folder.

    Args:
        folder: to write.
        overrides: of the config.
        seed: of the run.
        scores: split -> its last accuracy, or loss for regression.
        status: how it ended; None: it did not.
        diverged_at: step; with it, losses are NaN.
    """
    info = _info(overrides)
    (folder / ".hydra").mkdir(parents=True)
    saved = _tree(overrides) | {"seed": seed}
    (folder / ".hydra" / "config.yaml").write_text(yaml.safe_dump(saved, sort_keys=False))
    final_scores = scores or {"train": 0.95, "val": 0.9, "test": 0.85}
    is_regression = info.config.data.task_kind() is Task.regression
    evaluations = _evaluations(final_scores, is_regression, diverged_at is not None)
    _write_metrics(folder, info, evaluations)
    if status is not None:
        summary = outcome(_result(evaluations, status, diverged_at)) | _about(overrides) | {"seed": seed}
        write_json(folder / SUMMARY_FILE, summary)
    return folder


@cache
def _info(overrides: tuple[str, ...]) -> RunInfo:
    return RunInfo(
        index=0, config=_composed(overrides), num_parameters=1210,
        num_samples={"train": 100, "val": 20, "test": 20}, input_shape=(1, 8, 8), class_names=(),
        device="cpu", total_epochs=EPOCHS, total_steps=EPOCHS * STEPS, layers={},
    )  # fmt: skip


@cache
def _about(overrides: tuple[str, ...]) -> dict[str, Any]:
    """What SummaryCallback writes about a run; cached, because hashing a config takes as long as all the rest."""
    return about(_info(overrides))


def _evaluations(final_scores: Accuracies, is_regression: bool, is_diverged: bool) -> list[Evaluation]:
    """Accuracies rise, and losses fall, to the last values."""
    evaluations = []
    for epoch in range(1, EPOCHS + 1):
        left = EPOCHS / epoch
        scores = {
            split: Scores(value * left) if is_regression
            else Scores(float("nan") if is_diverged else (1.2 - value) * left, value / left)
            for split, value in final_scores.items()
            if split != "test" or epoch == EPOCHS
        }  # fmt: skip
        evaluations.append(
            Evaluation(epoch=epoch, step=STEPS * epoch, seconds=epoch / 8, lr=0.1, scores=scores)
        )
    return evaluations


def _result(evaluations: Sequence[Evaluation], status: Status, diverged_at: int | None) -> RunResult:
    return RunResult(
        status=status, final=evaluations[-1].scores, best=evaluations[-1].scores, best_epoch=EPOCHS,
        best_step=EPOCHS * STEPS, epochs=EPOCHS, steps=EPOCHS * STEPS, seconds=0.375, diverged_at=diverged_at,
    )  # fmt: skip


def _write_metrics(folder: Path, info: RunInfo, evaluations: Sequence[Evaluation]) -> None:
    callback = MetricsCallback(folder)
    callback.on_start(info, snapshot())
    for evaluation in evaluations:
        callback.on_evaluation(evaluation, snapshot())


def make_sweep(
    folder: Path,
    grid: Mapping[str, Sequence[object]],
    scores: Callable[[dict[str, object], int], Accuracies],
    *overrides: str,
    seeds: Sequence[int] = (0, 1, 2),
) -> Path:
    """A folder of runs 0, 1, …, one for each combination of values and each seed, as Hydra numbers them."""
    for number, (values, seed) in enumerate(product(product(*grid.values()), seeds)):
        cell: dict[str, object] = dict(zip(grid, values, strict=True))
        words = [f"{key}={value}" for key, value in cell.items()]
        make_run(folder / str(number), *overrides, *words, seed=seed, scores=scores(cell, seed))
    return folder


def rates(cell: dict[str, object], seed: int) -> Accuracies:
    """Validation is best for lr=0.1, test for lr=1; the seed moves all alike, and a little by itself."""
    val = {0.01: 0.5, 0.1: 0.9, 1: 0.8}[float(str(cell["optimizer.lr"]))]
    test = {0.01: 0.5, 0.1: 0.7, 1: 0.95}[float(str(cell["optimizer.lr"]))]
    noise = 0.01 * seed + 0.001 * ((7 * seed + int(100 * val)) % 3)
    return {"train": val + 0.02 + noise, "val": val + noise, "test": test - noise}


def lr_sweep(folder: Path, *overrides: str, seeds: Sequence[int] = (0, 1, 2)) -> Path:
    """Three learning rates."""
    return make_sweep(folder, {"optimizer.lr": [1, 0.1, 0.01]}, rates, *overrides, seeds=seeds)


def study_of(*folders: Path, **options: object) -> Study:
    """The study of some folders."""
    return make_study(frame_of(*folders), ReportOptions(**options))  # type: ignore[arg-type]


def frame_of(*folders: Path) -> pandas.DataFrame:
    """The data frame of some folders."""
    return load_runs(*folders)


def copied(folder: Path, to: Path) -> Path:
    """A copy of a folder."""
    return Path(shutil.copytree(folder, to))
