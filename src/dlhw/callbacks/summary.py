"""summary.json: how a run ended, and what it was. Only the folder of an ended run contains it."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dlhw.callbacks.registry import CallOrder, RunSetup, register
from dlhw.config.data_base import VAL_FROM_TEST
from dlhw.config.fields import config_hash
from dlhw.config.root import TrainConfig
from dlhw.content import data_identity
from dlhw.environment import machine, versions
from dlhw.files import remove_file, write_json
from dlhw.runs.folder import SUMMARY_FILE
from dlhw.source import code_version, git_state
from dlhw.status import Status
from dlhw.training.callbacks import Callback
from dlhw.training.device import determinism
from dlhw.training.events import Evaluation, RunInfo, RunResult, Scores, Snapshot, scores_from_dict


@register(CallOrder.summary)
def summary(setup: RunSetup) -> Callback:
    """Always enabled."""
    return SummaryCallback(setup.folder)


class SummaryCallback(Callback):
    """Writes summary.json once, at the end.

    Args:
        folder: the run folder.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / SUMMARY_FILE
        self._about: dict[str, Any] = {}
        self._last: Evaluation | None = None
        self._best: Evaluation | None = None
        self._has_ended = False

    def on_start(self, info: RunInfo, snapshot: Snapshot) -> None:
        self._about = about(info)
        progress = snapshot.progress()
        if progress.get("step", 0):  # a run that resumes after an interrupt has not ended
            remove_file(self._path)
            self._last, self._best = (_earlier_evaluation(progress.get(name)) for name in ("last", "best"))

    def on_evaluation(self, evaluation: Evaluation, snapshot: Snapshot) -> None:
        self._last = evaluation
        if evaluation.is_best:
            self._best = evaluation

    def on_end(self, result: RunResult, snapshot: Snapshot) -> None:
        self._write(result)
        self._has_ended = True

    def on_abort(self, status: Status, message: str) -> None:
        """Keep the scores so far. A run that had ended when another one of its cohort failed stays ended."""
        if not self._has_ended:
            self._write(self._partial_result(status, message))

    def _write(self, result: RunResult) -> None:
        """`determinism` comes last: which operations were not deterministic is known only after the run."""
        device = self._about.get("device", "cpu")
        write_json(self._path, outcome(result) | self._about | determinism(device))

    def _partial_result(self, status: Status, message: str) -> RunResult:
        empty = Evaluation(epoch=0.0, step=0, seconds=0.0, lr=0.0, scores={})
        last = self._last or empty
        best = self._best or last
        return RunResult(
            status=status,
            final=last.scores,
            best=best.scores,
            best_epoch=best.epoch,
            best_step=best.step,
            epochs=last.epoch,
            steps=last.step,
            seconds=last.seconds,
            message=message,
        )


def _earlier_evaluation(state: Mapping[str, Any] | None) -> Evaluation | None:
    """The evaluation of an earlier process that a checkpoint holds; None before the first."""
    if not state or not state["scores"]:
        return None
    seconds, scores = state.get("seconds", 0.0), scores_from_dict(state["scores"])
    return Evaluation(epoch=state["epoch"], step=state["step"], seconds=seconds, lr=0.0, scores=scores)


def write_failure(folder: Path, message: str) -> None:
    """Write the summary of a run that could not start or failed with its cohort.

    Args:
        folder: the run folder.
        message: why.
    """
    result = RunResult(
        status=Status.failed, final={}, best={}, best_epoch=0.0, best_step=0, epochs=0.0, steps=0,
        seconds=0.0, message=message,
    )  # fmt: skip
    write_json(folder / SUMMARY_FILE, outcome(result))


def outcome(result: RunResult) -> dict[str, Any]:
    """How the run ended, as plain data."""
    return {
        "status": str(result.status),
        "message": result.message,
        "diverged_at": result.diverged_at,
        "epochs": result.epochs,
        "steps": result.steps,
        "seconds": round(result.seconds, 6),
        "own_seconds": None if result.own_seconds is None else round(result.own_seconds, 6),
        "final": _scores(result.final),
        "best_epoch": result.best_epoch,
        "best_step": result.best_step,
        "best": _scores(result.best),
    }


def notes(config: TrainConfig) -> list[str]:
    """Warnings about how the numbers of a run may be used; mostly none."""
    return [VAL_FROM_TEST] if config.data.split.val_from_test else []


def _scores(splits: Mapping[str, Scores]) -> dict[str, dict[str, float | None]]:
    return {split: asdict(scores) for split, scores in splits.items()}


def about(info: RunInfo) -> dict[str, Any]:
    """What the run is and on which machine it ran, as plain data."""
    return {
        "run": info.index,
        "seed": info.config.seed,
        "num_parameters": info.num_parameters,
        "num_samples": dict(info.num_samples),
        "class_names": list(info.class_names),
        "split_hashes": dict(info.split_hashes),
        "in_training": dict(info.in_training),
        "notes": notes(info.config),
        "gradcheck": None if info.gradcheck is None else {"max_relative_error": info.gradcheck},
        "device": info.device,
        "dtype": str(info.config.trainer.dtype),
        "matmul": info.matmul,
        "backend": info.backend,
        "config_hash": config_hash(info.config),
        "code": code_version(),
        "data_content": data_identity(info.config.data.files()),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": versions(),
        "git": git_state(),
        **machine(info.device),
    }
