"""checkpoints/last and checkpoints/best: the tracker that keeps them."""

import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from torch import Tensor

import dlhw
from dlhw.config.load import to_dict
from dlhw.tracking.checkpoint import save_checkpoint, with_prefix
from dlhw.training.events import Evaluation, RunInfo, RunResult, Snapshot, Status

LAST = "checkpoints/last.safetensors"
BEST = "checkpoints/best.safetensors"

Content = tuple[dict[str, Tensor], dict[str, Any]]


class CheckpointTracker:
    """Keeps the newest and the best parameters, and never replaces finite ones by NaN or infinity.

    Writing is held back so that it takes at most a twentieth of the time, and no file is written twice
    within a second; what is held back is written at the end, whether the run finishes, fails or is
    interrupted.

    Args:
        folder: the run folder.
        num_runs: runs that train together, each with a tracker of its own: they share the time.
        pause: shortest time between two writes, in seconds.
    """

    def __init__(self, folder: Path, num_runs: int = 1, pause: float = 1.0) -> None:
        self._folder = folder
        self._num_runs = num_runs
        self._shortest = pause
        self._due = 0.0
        self._about: dict[str, Any] = {}
        self._newest: Content | None = None
        self._waiting: dict[str, Content] = {}

    def start(self, info: RunInfo, snapshot: Snapshot) -> None:
        self._about = {
            "dlhw": dlhw.__version__,
            "config": to_dict(info.config),
            "input_shape": list(info.input_shape),
            "class_names": list(info.class_names),
        }

    def evaluated(self, evaluation: Evaluation, snapshot: Snapshot) -> None:
        if set(evaluation.scores) == {"test"}:
            return  # after the last step: nothing to go on from, and the parameters may be the best ones
        parameters = snapshot.parameters()
        if not all(bool(value.isfinite().all()) for value in parameters.values()):
            return
        self._newest = self._content(evaluation, snapshot, parameters)
        self._waiting[LAST] = self._newest
        if evaluation.is_best:
            self._waiting[BEST] = self._newest
        if time.monotonic() >= self._due:
            self._write()

    def finish(self, result: RunResult, snapshot: Snapshot) -> None:
        # Without a validation part no evaluation was ever the best, and the last parameters are selected.
        if self._newest is not None and BEST not in self._waiting and not (self._folder / BEST).exists():
            self._waiting[BEST] = self._newest
        self._write()

    def abort(self, status: Status, message: str) -> None:
        self._write()

    def _content(self, evaluation: Evaluation, snapshot: Snapshot, parameters: dict[str, Tensor]) -> Content:
        optimizer = with_prefix("optimizer", snapshot.optimizer())
        state = {
            **self._about,
            "epoch": evaluation.epoch,
            "step": evaluation.step,
            "seconds": evaluation.seconds,
            "scores": {part: asdict(scores) for part, scores in evaluation.scores.items()},
            "progress": snapshot.progress(),
        }
        return with_prefix("parameters", parameters) | optimizer, state

    def _write(self) -> None:
        began = time.monotonic()
        # Best before last: a run that goes on from `last` must find a best that is as new.
        for name in [name for name in (BEST, LAST) if name in self._waiting]:
            save_checkpoint(self._folder / name, *self._waiting.pop(name))
        ended = time.monotonic()
        self._due = ended + max(self._shortest, 20 * self._num_runs * (ended - began))
