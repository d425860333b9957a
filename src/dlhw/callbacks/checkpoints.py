"""checkpoints/last, previous and best: the tracker that keeps them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import Tensor

import dlhw
from dlhw.callbacks.checkpoint import save_checkpoint
from dlhw.config.load import to_dict
from dlhw.runs.files import remove_file
from dlhw.runs.folder import BEST, LAST, PREVIOUS
from dlhw.runs.status import Status
from dlhw.sections import PARAMETERS, under
from dlhw.training.callbacks import Callback
from dlhw.training.events import Evaluation, RunInfo, RunResult, Snapshot, scores_to_dict

Content = tuple[dict[str, Tensor], dict[str, Any]]


class CheckpointTracker(Callback):
    """Keeps the newest and the best parameters, and never replaces finite ones by NaN or infinity.

    `last` is all that training goes on from; while a run is under way the one before it stays as `previous`,
    for when `last` gets damaged. `best` is written before it, so that `last` never tells of a best that is
    not there.

    Args:
        folder: the run folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._about: dict[str, Any] = {}
        self._scores: Any = {}
        self._last_step: int | None = None
        self._best: Content | None = None

    def on_start(self, info: RunInfo, snapshot: Snapshot) -> None:
        self._about = {
            "dlhw": dlhw.__version__,
            "matmul": info.matmul,
            "backend": str(info.backend),
            "split_hashes": dict(info.split_hashes),
            "config": to_dict(info.config),
            "input_shape": list(info.input_shape),
            "class_names": list(info.class_names),
        }
        self._scores = snapshot.progress().get("last", {}).get("scores", {})

    def on_evaluation(self, evaluation: Evaluation, snapshot: Snapshot) -> None:
        if set(evaluation.scores) == {"test"}:
            return  # after the last step: nothing to go on from, and the parameters may be the best ones
        self._scores = scores_to_dict(evaluation.scores)
        if evaluation.is_best:
            self._best = self._content(snapshot) or self._best

    def on_checkpoint(self, snapshot: Snapshot) -> None:
        content = self._content(snapshot, snapshot.state_dict)
        self._write_best()
        if content is not None:
            save_checkpoint(self._folder / LAST, *content, keep=self._folder / PREVIOUS)
            self._last_step = content[1]["step"]

    def on_end(self, result: RunResult, snapshot: Snapshot) -> None:
        if self._last_step != result.steps:
            self.on_checkpoint(snapshot)
        self._write_best()
        if not (self._folder / BEST).exists() and (content := self._content(snapshot)) is not None:
            save_checkpoint(self._folder / BEST, *content)  # no evaluation was better than any other
        remove_file(self._folder / PREVIOUS)

    def on_abort(self, status: Status, message: str) -> None:
        self._write_best()

    def _write_best(self) -> None:
        if self._best is not None:
            save_checkpoint(self._folder / BEST, *self._best)
            self._best = None

    def _content(
        self, snapshot: Snapshot, state_dict: Callable[[], dict[str, Tensor]] | None = None
    ) -> Content | None:
        """Tensors and plain data of a checkpoint; None if a parameter is not finite.

        Args:
            snapshot: of the run.
            state_dict: gives the tensors; None: only parameters and the optimizer's state.
        """
        tensors = (state_dict or snapshot.model_state)()
        if not all(bool(value.isfinite().all()) for value in under(PARAMETERS, tensors).values()):
            return None
        progress = snapshot.progress()
        position = {key: progress.get(key) for key in ("epoch", "step", "seconds")}
        return tensors, {**self._about, **position, "scores": self._scores, "progress": progress}
