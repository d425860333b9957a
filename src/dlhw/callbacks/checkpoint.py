"""A checkpoint: tensors and the state that belongs to them, in one safetensors file, replaced in one step.

The state travels as JSON in the file's header, so that no crash can leave tensors of one moment beside the
state of another, and loading runs no code from the file (nothing is pickled).
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from dlhw.errors import RunFolderError
from dlhw.locks import check_held
from dlhw.runs.files import write_atomic
from dlhw.runs.tensor_file import DamagedError, read_tensors
from dlhw.sections import PARAMETERS, under

FORMAT = "dlhw-checkpoint-1"
FLOATS = (torch.float32, torch.float64)
ACCEPTED = "expected is a checkpoint that dlhw-train wrote, such as checkpoints/best.safetensors"


def save_checkpoint(
    path: Path, tensors: dict[str, Tensor], state: dict[str, Any], keep: Path | None = None
) -> None:
    """Write a checkpoint, making its folder where needed.

    Args:
        path: file to write or replace.
        tensors: name -> tensor, such as "parameters/fc1.weight".
        state: plain data; floats, infinite ones included, are read back to the same bits.
        keep: where the file that is replaced goes.
    """
    stored = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    text = json.dumps(state)
    header = {"format": FORMAT, "state": text, "sha256": digest(stored, text)}
    check_held(path)  # else the folder of another process would get an empty one
    # Not its parents: a run's folder that was moved away must not be made anew with the rest of its files.
    path.parent.mkdir(exist_ok=True)
    write_atomic(path, safetensors.torch.save(stored, metadata=header), keep)


def load_checkpoint(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read a checkpoint; returns (tensors, state) as they were saved, on the CPU.

    Raises:
        RunFolderError: when the file is missing, damaged in any bit, or no checkpoint of dlhw.
    """
    try:
        tensors, header = read_tensors(path)
    except OSError as error:
        raise RunFolderError(f"{path} cannot be read ({error.strerror}): {ACCEPTED}") from error
    except DamagedError as error:
        raise RunFolderError(f"{path} {error}: {ACCEPTED}") from error
    if header.get("format") != FORMAT:
        found = " ".join(header.get("format", "no checkpoint of dlhw").split())[:80]
        raise RunFolderError(f"{path} holds {found}: {ACCEPTED}")
    text = header.get("state", "")
    if digest(tensors, text) != header.get("sha256"):
        raise RunFolderError(f"{path} is damaged (its checksum does not fit its content): {ACCEPTED}")
    return tensors, _state(path, text)


def _state(path: Path, text: str) -> dict[str, Any]:
    """What belongs to the tensors; a checksum says that it is whole, not that it is ours."""
    try:
        state = json.loads(text)
        if not isinstance(state, dict):
            raise ValueError("no object")
    except (ValueError, RecursionError) as error:
        raise RunFolderError(f"{path} holds no state of a run: {ACCEPTED}") from error
    return state


def digest(tensors: Mapping[str, Tensor], text: str) -> str:
    """SHA-256 of the state and of every tensor's name, type, shape and bytes."""
    total = hashlib.sha256(text.encode())
    for name, tensor in sorted(tensors.items()):
        total.update(f"\n{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        total.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return total.hexdigest()


def check_matches(path: Path, tensors: Mapping[str, Tensor], expected: Mapping[str, tuple[int, ...]]) -> None:
    """Make sure that a checkpoint's parameters are those of the model at hand.

    Args:
        path: where the tensors are from, for the message.
        tensors: as `load_checkpoint` gives them.
        expected: parameter name -> shape, as in `RunInfo.layers`.

    Raises:
        RunFolderError: naming the first parameter that differs in shape, or is not of floating point.
    """
    parameters = under(PARAMETERS, tensors)
    for name, tensor in parameters.items():
        if tensor.dtype not in FLOATS:
            raise RunFolderError(f"{path} is damaged: {name} is of {tensor.dtype}, not of float32 or float64")
    found = {name: tuple(tensor.shape) for name, tensor in parameters.items()}
    wanted = {name: tuple(shape) for name, shape in expected.items()}
    for name in [*wanted, *found]:
        if found.get(name) != wanted.get(name):
            there, here = _in_words(found.get(name)), _in_words(wanted.get(name))
            raise RunFolderError(
                f"{path} is a checkpoint of another model: {name} is {there} there, but {here} in this model"
            )


def _in_words(shape: tuple[int, ...] | None) -> str:
    if shape is None:
        return "missing"
    return " x ".join(map(str, shape)) or "a single number"
