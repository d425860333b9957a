"""Checkpoints: the file format, the callback that writes them, and the reader that resumes from them.

A checkpoint is one safetensors file with tensors and the plain data that belongs to them, and is replaced
atomically. The plain data stands as JSON in the file's header, so that no crash can combine tensors of one
moment with data of another. Loading runs no code from the file: nothing is pickled.
"""

import hashlib
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

import dlhw
from dlhw.callbacks.registry import CallOrder, RunSetup, register
from dlhw.config.fields import identity_fields
from dlhw.config.load import from_dict, to_dict
from dlhw.config.old_keys import KERNELS, RENAMED
from dlhw.config.root import TrainConfig
from dlhw.config.trainer import Backend
from dlhw.errors import ConfigError, RunFolderError
from dlhw.files import remove_file, write_atomic
from dlhw.locks import check_held
from dlhw.runs.folder import BEST, LAST, PREVIOUS
from dlhw.runs.tensor_file import DamagedError, read_tensors
from dlhw.sections import PARAMETERS, under
from dlhw.status import Status
from dlhw.training.callbacks import Callback
from dlhw.training.events import Evaluation, RunInfo, RunResult, Snapshot, scores_to_dict
from dlhw.training.state import ResumeState

FORMAT = "dlhw-checkpoint-1"
FLOATS = (torch.float32, torch.float64)
MATMUL = ("highest", "high", "medium")
EXPECTED = "expected is a checkpoint that dlhw-train wrote, such as checkpoints/best.safetensors"

Content = tuple[dict[str, Tensor], dict[str, Any]]


def save_checkpoint(
    path: Path, tensors: dict[str, Tensor], state: dict[str, Any], keep: Path | None = None
) -> None:
    """Write a checkpoint; its folder is made if it is missing.

    Args:
        path: file to write or replace.
        tensors: name -> tensor, such as "parameters/fc1.weight".
        state: plain data; floats, infinite ones included, are read back to the same bits.
        keep: where to move the file that is replaced.
    """
    stored = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    text = json.dumps(state)
    header = {"format": FORMAT, "state": text, "sha256": digest(stored, text)}
    check_held(path)  # else the folder of another process would get an empty one
    # Without parents: the folder of a run that was moved away must not be recreated with only its last files.
    path.parent.mkdir(exist_ok=True)
    write_atomic(path, safetensors.torch.save(stored, metadata=header), keep)


def load_checkpoint(path: Path) -> Content:
    """Read a checkpoint.

    Returns:
        The tensors, on the CPU, and the plain data, as they were saved.

    Raises:
        RunFolderError: if the file is missing, damaged in any bit, or not a checkpoint of dlhw.
    """
    try:
        tensors, header = read_tensors(path)
    except OSError as error:
        raise RunFolderError(f"{path} cannot be read ({error.strerror}): {EXPECTED}") from error
    except DamagedError as error:
        raise RunFolderError(f"{path} {error}: {EXPECTED}") from error
    if header.get("format") != FORMAT:
        content = " ".join(header.get("format", "no checkpoint of dlhw").split())[:80]
        raise RunFolderError(f"{path} holds {content}: {EXPECTED}")
    text = header.get("state", "")
    if digest(tensors, text) != header.get("sha256"):
        raise RunFolderError(f"{path} is damaged (its checksum does not match its content): {EXPECTED}")
    return tensors, _parse_state(path, text)


def _parse_state(path: Path, text: str) -> dict[str, Any]:
    """The plain data; a correct checksum does not say that dlhw wrote it."""
    try:
        state = json.loads(text)
        if not isinstance(state, dict):
            raise ValueError("not an object")
    except (ValueError, RecursionError) as error:
        raise RunFolderError(f"{path} does not hold the state of a run: {EXPECTED}") from error
    return state


def digest(tensors: Mapping[str, Tensor], text: str) -> str:
    """SHA-256 of the plain data and of every tensor's name, dtype, shape and bytes."""
    total = hashlib.sha256(text.encode())
    for name, tensor in sorted(tensors.items()):
        total.update(f"\n{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        total.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return total.hexdigest()


def check_matches(
    path: Path, parameters: Mapping[str, Tensor], expected: Mapping[str, tuple[int, ...]]
) -> None:
    """Check that a checkpoint's parameters are those of a model.

    Args:
        path: of the checkpoint, for the message.
        parameters: name -> tensor, without the section's prefix.
        expected: parameter name -> shape, as in `RunInfo.layers`.

    Raises:
        RunFolderError: naming the first parameter of another shape, or that is not of floating point.
    """
    for name, tensor in parameters.items():
        if tensor.dtype not in FLOATS:
            raise RunFolderError(f"{path} is damaged: {name} is of {tensor.dtype}, not of float32 or float64")
    stored = {name: tuple(tensor.shape) for name, tensor in parameters.items()}
    wanted = {name: tuple(shape) for name, shape in expected.items()}
    for name in [*wanted, *stored]:
        if stored.get(name) != wanted.get(name):
            there, here = _shape_text(stored.get(name)), _shape_text(wanted.get(name))
            raise RunFolderError(
                f"{path} is a checkpoint of another model: {name} is {there} there, but {here} in this model"
            )


def _shape_text(shape: tuple[int, ...] | None) -> str:
    if shape is None:
        return "missing"
    return " x ".join(map(str, shape)) or "a single number"


@register(CallOrder.checkpoint)
def checkpoints(setup: RunSetup) -> Callback | None:
    """Enabled by `tracking.checkpoints`."""
    return CheckpointCallback(setup.folder) if setup.config.tracking.checkpoints else None


class CheckpointCallback(Callback):
    """Writes checkpoints/last, previous and best; never replaces finite parameters by NaN or infinity.

    `last` holds everything that training resumes from; while a run trains, the one before it stays as
    `previous`, in case `last` gets damaged. `best` is written before `last`, so that `last` never refers to a
    missing `best`.

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
            return  # after the last step: nothing to resume, and the parameters may be the best ones
        self._scores = scores_to_dict(evaluation.scores)
        if evaluation.is_best:
            self._best = self._content(snapshot, snapshot.model_state) or self._best

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
        if not (self._folder / BEST).exists():  # no evaluation was better than any other
            content = self._content(snapshot, snapshot.model_state)
            if content is not None:
                save_checkpoint(self._folder / BEST, *content)
        remove_file(self._folder / PREVIOUS)

    def on_abort(self, status: Status, message: str) -> None:
        self._write_best()

    def _write_best(self) -> None:
        if self._best is not None:
            save_checkpoint(self._folder / BEST, *self._best)
            self._best = None

    def _content(self, snapshot: Snapshot, tensors_of: Callable[[], dict[str, Tensor]]) -> Content | None:
        """Tensors and plain data of a checkpoint; None if a parameter is not finite.

        Args:
            snapshot: of the run.
            tensors_of: the snapshot's `state_dict`, or its `model_state` for a checkpoint to evaluate.
        """
        tensors = tensors_of()
        if not all(bool(value.isfinite().all()) for value in under(PARAMETERS, tensors).values()):
            return None
        progress = snapshot.progress()
        position = {key: progress.get(key) for key in ("epoch", "step", "seconds")}
        return tensors, {**self._about, **position, "scores": self._scores, "progress": progress}


def load_resume_states(folder: Path, config: TrainConfig) -> list[ResumeState]:
    """Read the intact checkpoints of a run, newest first; a damaged one is reported on stderr.

    Args:
        folder: of the run.
        config: of the run now.

    Raises:
        RunFolderError: if there are checkpoints, but none that is intact and of this config.
    """
    states, errors = [], []
    for name in (LAST, PREVIOUS):
        try:
            if (folder / name).exists():
                states.append(_read_state(folder / name, config))
        except RunFolderError as error:
            errors.append(error)
    if errors and not states:
        raise errors[0]
    for message in map(str, errors):
        print(f"dlhw-train: {message}; resuming from {states[0].source.name}", file=sys.stderr, flush=True)
    # a checkpoint before the first step holds nothing that the config does not say
    return [state for state in states if int(state.progress["step"]) > 0]


def _read_state(path: Path, config: TrainConfig) -> ResumeState:
    tensors, stored = load_checkpoint(path)
    try:
        earlier = from_dict(stored["config"])
        state = ResumeState(
            source=path,
            tensors=tensors,
            progress=stored["progress"],
            matmul=str(stored["matmul"]),
            backend=_backend(stored, earlier),
            split_hashes={str(split): str(digest) for split, digest in stored["split_hashes"].items()},
        )
        int(state.progress["step"])
    except (LookupError, TypeError, ValueError, AttributeError, ConfigError) as error:
        raise RunFolderError(f"{path} is not a checkpoint that this version can resume from") from error
    if state.matmul not in MATMUL:
        raise RunFolderError(f"{path} is not a checkpoint that this version can resume from")
    _check_same_run(path, earlier, config)
    return state


def _backend(stored: Mapping[str, Any], config: TrainConfig) -> Backend:
    """What executed the steps; checkpoints of earlier versions have another key for it, and other names."""
    if "backend" in stored:
        return Backend(stored["backend"])
    if config.trainer.backend is Backend.autograd:
        return Backend.autograd
    return Backend(RENAMED[KERNELS][stored["kernels"]])


def _check_same_run(path: Path, earlier: TrainConfig, config: TrainConfig) -> None:
    """Raises RunFolderError if the run had another identity when it wrote the checkpoint."""
    before, now = identity_fields(earlier), identity_fields(config)
    for key in [*now, *before]:
        old, new = before.get(key), now.get(key)
        if old != new:
            raise RunFolderError(
                f"{path} is a checkpoint of another config: {key} is {old} there, but {new} here"
            )
