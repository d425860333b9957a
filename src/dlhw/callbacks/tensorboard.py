"""Callback that writes a TensorBoard event file: curves, weights, images, config, hyperparameters."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from torch import Tensor

from dlhw.callbacks.confusion import confusion_image
from dlhw.callbacks.registry import RunSetup, register
from dlhw.callbacks.tensorboard_events import (
    EventFile,
    histogram,
    image,
    metric_values,
    scalars,
    session_end,
    session_start,
    text,
)
from dlhw.callbacks.weight_images import first_layer, weight_image, weight_tiles
from dlhw.config.load import to_dict
from dlhw.status import Status
from dlhw.training.callbacks import Callback
from dlhw.training.events import Evaluation, RunInfo, RunResult, Snapshot

# TensorBoard itself shows a thousand points of a curve and ten images; metrics.csv has every evaluation.
FULL_CURVES, FULL_DRAWINGS = 2000, 50


class Thinning:
    """Keeps fewer points the longer a series gets, so that a run of any length writes a bounded file.

    It keeps the first `full` points, every second of the next `full`, every fourth of the next 2 `full`, and
    so on. Of n > full points about full * (1 + log2(n / full) / 2) are kept, and every gap is proportional to
    what came before it: a curve on a screen looks the same.

    >>> thinning = Thinning(4)
    >>> [number for number in range(1, 33) if thinning.keeps()]
    [1, 2, 3, 4, 6, 8, 12, 16, 24, 32]
    """

    def __init__(self, full: int) -> None:
        self._full, self._count = full, 0

    def keeps(self) -> bool:
        """Count the next point and return whether it is kept."""
        doublings = (self._count // self._full).bit_length()
        self._count += 1
        return self._count % (1 << doublings) == 0


@register()
def tensorboard(setup: RunSetup) -> Callback | None:
    """Enabled by `tracking.tensorboard`."""
    tracking = setup.config.tracking
    return TensorBoardCallback(setup.folder, tracking.weights_every) if tracking.tensorboard else None


class TensorBoardCallback(Callback):
    """Writes events at the number of updates as their step; a very long run is thinned, see `Thinning`.

    Args:
        folder: the run folder, which TensorBoard shows as the run's name.
        weights_every: evaluations between two images and histograms of weights; 0: only at start and end.
    """

    def __init__(self, folder: Path, weights_every: int) -> None:
        self._folder = folder
        self._weights_every = weights_every
        self._file: EventFile | None = None
        self._image_layer: str | None = None
        self._input_shape: tuple[int, ...] = ()
        self._class_names: list[str] = []
        self._evaluations = 0
        self._weights_step = -1
        self._points, self._drawings = Thinning(FULL_CURVES), Thinning(FULL_DRAWINGS)
        self._skipped: tuple[dict[str, float], int] | None = None

    def on_start(self, info: RunInfo, snapshot: Snapshot) -> None:
        step = int(snapshot.progress().get("step", 0))
        # A run that resumes from a checkpoint writes again what an earlier process wrote after it.
        self._file = EventFile(self._folder, purge_step=step + 1 if step else None)
        self._image_layer = first_layer(info.layers, info.input_shape)
        self._input_shape, self._class_names = info.input_shape, list(info.class_names)
        self._file.add(text("config", _config_text(to_dict(info.config))), step)
        self._file.add(session_start(info))
        self._draw_weights(snapshot, step)
        self._file.flush()

    def on_evaluation(self, evaluation: Evaluation, snapshot: Snapshot) -> None:
        values = _score_values(evaluation)
        if set(evaluation.scores) == {"test"}:  # after training
            self._open().add(scalars(values), evaluation.step)
            return
        self._evaluations += 1
        if self._weights_every and self._evaluations % self._weights_every == 0 and self._drawings.keeps():
            self._draw_weights(snapshot, evaluation.step)
        norms = {f"norm/{kind}/{name}": norm for (kind, name), norm in snapshot.norms().items()}
        values |= {"optimizer/lr": evaluation.lr} | norms
        if self._points.keeps():
            self._skipped = None
            self._open().add(scalars(values), evaluation.step)
            self._open().flush()
        else:
            self._skipped = (values, evaluation.step)

    def on_checkpoint(self, snapshot: Snapshot) -> None:
        """Flush, so that a run that resumes from this checkpoint finds every point before it."""
        self._open().flush()

    def on_end(self, result: RunResult, snapshot: Snapshot) -> None:
        try:
            self._draw_weights(snapshot, result.steps)
            if result.confusion_KK is not None:
                split = result.confusion_split or "val"
                pixels = confusion_image(result.confusion_KK, self._class_names, split)
                self._open().add(image(f"confusion/{split}", pixels), result.steps)
            self._open().add(scalars(metric_values(result)), result.steps)
        finally:
            self._close(result.status)

    def on_abort(self, status: Status, message: str) -> None:
        self._close(status)

    def _draw_weights(self, snapshot: Snapshot, step: int) -> None:
        if step == self._weights_step:
            return
        self._weights_step = step
        weights = snapshot.parameters()
        self._add_histograms("weights", weights, step)
        self._add_histograms("gradients", snapshot.gradients(), step)
        if self._image_layer is not None:
            pixels = weight_image(weight_tiles(weights[self._image_layer], self._input_shape))
            self._open().add(image(f"first_layer/{self._image_layer}", pixels), step)

    def _add_histograms(self, kind: str, tensors: Mapping[str, Tensor], step: int) -> None:
        for name, tensor in tensors.items():
            if (summary := histogram(f"{kind}/{name}", tensor)) is not None:
                self._open().add(summary, step)

    def _open(self) -> EventFile:
        assert self._file is not None, "on_start comes first, and nothing after the end"
        return self._file

    def _close(self, status: Status) -> None:
        if self._file is None:
            return
        file, self._file = self._file, None
        if self._skipped is not None:  # the last point of a curve is the end of its run
            file.add(scalars(self._skipped[0]), self._skipped[1])
        file.add(session_end(status))
        file.flush()


def _score_values(evaluation: Evaluation) -> dict[str, float]:
    values = {f"loss/{split}": scores.loss for split, scores in evaluation.scores.items()}
    accuracies = {f"accuracy/{split}": scores.accuracy for split, scores in evaluation.scores.items()}
    return values | {tag: accuracy for tag, accuracy in accuracies.items() if accuracy is not None}


def _config_text(tree: dict[str, Any]) -> str:
    """The config as YAML, in a Markdown code block."""
    return f"```yaml\n{yaml.safe_dump(tree, sort_keys=False, allow_unicode=True)}```"
