"""What a run's folder holds to go on from."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dlhw.callbacks.checkpoint import load_checkpoint
from dlhw.config.fields import identity_fields
from dlhw.config.load import from_dict
from dlhw.config.old_keys import KERNELS, RENAMED
from dlhw.config.root import TrainConfig
from dlhw.config.trainer import Backend
from dlhw.errors import ConfigError, RunFolderError
from dlhw.runs.files import remove_file
from dlhw.runs.folder import LAST, PREVIOUS
from dlhw.training.state import ResumeState

MATMUL = ("highest", "high", "medium")


def saved_in(folder: Path, config: TrainConfig) -> list[ResumeState]:
    """The sound checkpoints of a run, newest first; one that is damaged is told on stderr.

    Args:
        folder: of the run.
        config: that the run has now.

    Raises:
        RunFolderError: if there are checkpoints, but none is sound and of this config.
    """
    found, damage = [], []
    for name in (LAST, PREVIOUS):
        try:
            if (folder / name).exists():
                found.append(_read(folder / name, config))
        except RunFolderError as error:
            damage.append(error)
    if damage and not found:
        raise damage[0]
    for sentence in map(str, damage):
        print(f"dlhw-train: {sentence}; resuming from {found[0].source.name}", file=sys.stderr, flush=True)
    # a checkpoint before the first step holds nothing that the config does not say
    return [each for each in found if int(each.progress["step"]) > 0]


def _read(path: Path, config: TrainConfig) -> ResumeState:
    tensors, state = load_checkpoint(path)
    try:
        then, progress = from_dict(state["config"]), state["progress"]
        hashes = {str(part): str(digest) for part, digest in state["split_hashes"].items()}
        backend = _backend(state, then)
        saved = ResumeState(path, tensors, progress, str(state["matmul"]), backend, hashes)
        int(progress["step"])
    except (LookupError, TypeError, ValueError, AttributeError, ConfigError) as error:
        raise RunFolderError(f"{path} is not a checkpoint that this version can resume from") from error
    if saved.matmul not in MATMUL:
        raise RunFolderError(f"{path} is not a checkpoint that this version can resume from")
    _check_same(path, then, config)
    return saved


def _backend(state: Mapping[str, Any], config: TrainConfig) -> Backend:
    """What executed the steps; checkpoints of earlier versions have another key for it, and other names."""
    if "backend" in state:
        return Backend(state["backend"])
    if config.trainer.backend is Backend.autograd:
        return Backend.autograd
    return Backend(RENAMED[KERNELS][state["kernels"]])


def _check_same(path: Path, then: TrainConfig, now: TrainConfig) -> None:
    """Raises RunFolderError if the run was another one when it wrote the checkpoint."""
    before, after = identity_fields(then), identity_fields(now)
    for key in [*after, *before]:
        old, new = before.get(key), after.get(key)
        if old != new:
            raise RunFolderError(
                f"{path} is a checkpoint of another config: {key} is {old} there, but {new} here"
            )


def clear_leftovers(folder: Path) -> None:
    """Remove files that a killed process had not finished writing: nobody reads them."""
    for path in [*folder.glob(".*.tmp"), *folder.glob("checkpoints/.*.tmp")]:
        remove_file(path)
