"""A run of three evaluations on digits, made of real tensors, whose events callbacks receive."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from dlhw.config.data import DigitsConfig
from dlhw.config.model import MLPConfig
from dlhw.config.optimizer import ConstantConfig, SGDConfig
from dlhw.config.procedure import TrainProcedureConfig
from dlhw.config.regularizer import NoRegularizerConfig
from dlhw.config.root import TrainConfig
from dlhw.sections import with_prefix
from dlhw.status import Status
from dlhw.training.callbacks import Callback
from dlhw.training.events import Evaluation, RunInfo, RunResult, Scores, Snapshot

SHAPES = {"fc1.weight": (64, 16), "fc1.bias": (16,), "fc2.weight": (16, 10), "fc2.bias": (10,)}


@pytest.fixture
def config() -> TrainConfig:
    return TrainConfig(
        seed=3,
        model=MLPConfig(hidden=[16]),
        data=DigitsConfig(),
        optimizer=SGDConfig(lr=0.25),
        schedule=ConstantConfig(),
        regularizer=NoRegularizerConfig(),
        procedure=TrainProcedureConfig(),
    )


@pytest.fixture
def info(config: TrainConfig) -> RunInfo:
    return RunInfo(
        index=0,
        config=config,
        num_parameters=1210,
        num_samples={"train": 1617, "val": 180, "test": 0},
        input_shape=(1, 8, 8),
        class_names=[str(digit) for digit in range(10)],
        device="cpu",
        total_epochs=3,
        total_steps=78,
        layers=SHAPES,
        gradcheck=3.1e-16,
        matmul="medium",
    )


@pytest.fixture
def parameters() -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {name: torch.randn(shape, generator=generator) for name, shape in SHAPES.items()}


@pytest.fixture
def progress() -> dict[str, Any]:
    return {"epoch": 0, "step": 0, "best": {"value": float("inf"), "scores": {}}}


@pytest.fixture
def snapshot(parameters: dict[str, Tensor], progress: dict[str, Any]) -> Snapshot:
    def gradients() -> dict[str, Tensor]:
        return {name: 0.1 * value for name, value in parameters.items()} if progress["step"] else {}

    def model_state() -> dict[str, Tensor]:
        momentum = torch.cat([value.flatten() for value in parameters.values()])
        named = with_prefix("parameters", {name: value.clone() for name, value in parameters.items()})
        return named | {"optimizer/momentum_buffer": momentum}

    return Snapshot(
        parameters=lambda: {name: value.clone() for name, value in parameters.items()},
        gradients=gradients,
        norms=lambda: {("weight", name): float(value.norm()) for name, value in parameters.items()},
        progress=lambda: dict(progress),
        model_state=model_state,
        state_dict=lambda: model_state() | {"streams/dropout": torch.arange(5, dtype=torch.uint8)},
    )


@pytest.fixture
def evaluations() -> list[Evaluation]:
    """The second is the best."""

    def evaluation(epoch: int, loss: float, accuracy: float) -> Evaluation:
        scores = {"train": Scores(loss / 3, 0.9), "val": Scores(loss, accuracy)}
        best = epoch == 2
        return Evaluation(
            epoch=epoch, step=26 * epoch, seconds=epoch / 7, lr=0.25, scores=scores, is_best=best
        )

    return [evaluation(1, 0.7, 0.8), evaluation(2, 0.1, 0.95), evaluation(3, 0.2, 0.9)]


@pytest.fixture
def result(evaluations: list[Evaluation]) -> RunResult:
    return RunResult(
        status=Status.completed,
        final=evaluations[2].scores,
        best=evaluations[1].scores,
        best_epoch=2,
        best_step=52,
        epochs=3,
        steps=78,
        seconds=0.5,
        confusion_KK=torch.eye(10, dtype=torch.int64) * 18,
        confusion_split="val",
    )


@pytest.fixture
def play(
    info: RunInfo,
    snapshot: Snapshot,
    evaluations: list[Evaluation],
    result: RunResult,
    parameters: dict[str, Tensor],
    progress: dict[str, Any],
) -> Callable[[Callback], None]:
    """Send a callback the events of the whole run; parameters grow by one with every evaluation."""

    def send(callback: Callback) -> None:
        callback.on_start(info, snapshot)
        for evaluation in evaluations:
            for value in parameters.values():
                value += 1
            progress.update(epoch=int(evaluation.epoch), step=evaluation.step)
            callback.on_evaluation(evaluation, snapshot)
        callback.on_end(result, snapshot)

    return send
