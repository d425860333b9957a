"""predictions.safetensors: the predicted class and the label of each test sample.

It allows comparing two runs sample by sample. The file is small (two bytes per sample for up to 256 classes),
is replaced atomically, and identifies the samples by the hash of the split.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray

from dlhw.errors import RunFolderError
from dlhw.files import write_atomic
from dlhw.runs.folder import PREDICTIONS_FILE
from dlhw.runs.tensor_file import DamagedError, read_file

FORMAT = "dlhw-predictions-1"
DTYPES = (np.uint8, np.uint16, np.int32)
Classes = NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class SplitPredictions:
    """Predictions of a run for the test split, with the parameters that `trainer.select` chose.

    Args:
        predicted: class of each sample, (N,).
        targets: label of each sample, (N,).
        parameters: "best" or "last".
        split_hash: of the samples, as in summary.json; equal hashes mean the same samples in the same order.
    """

    predicted: Classes
    targets: Classes
    parameters: str
    split_hash: str

    @property
    def correct(self) -> NDArray[np.bool_]:
        """Whether each sample is classified correctly, (N,)."""
        correct: NDArray[np.bool_] = self.predicted == self.targets
        return correct


def write_predictions(folder: Path, predictions: SplitPredictions) -> None:
    """Write the file of a run, with the smallest integer type that holds every class."""
    arrays = {"predicted": _compact(predictions.predicted), "targets": _compact(predictions.targets)}
    about = {"format": FORMAT, "parameters": predictions.parameters, "split_hash": predictions.split_hash}
    # One entry: the library writes several in any order, and equal predictions must give equal files.
    header = {"about": json.dumps(about)}
    write_atomic(folder / PREDICTIONS_FILE, safetensors.numpy.save(arrays, metadata=header))


def _compact(classes: Classes) -> Classes:
    dtype = next(dtype for dtype in DTYPES if classes.max(initial=0) <= np.iinfo(dtype).max)
    return np.ascontiguousarray(classes.astype(dtype))


def read_predictions(folder: Path) -> SplitPredictions | None:
    """Read the predictions of a run; None if it has no such file.

    Raises:
        RunFolderError: if the file is damaged.
    """
    path = folder / PREDICTIONS_FILE
    if not path.is_file():
        return None
    try:
        arrays, header = read_file(path, safetensors.numpy.load)
    except (OSError, DamagedError) as error:
        raise RunFolderError(f"{path} {error}") from error
    predicted, targets = arrays.get("predicted"), arrays.get("targets")
    about = _about(header)
    if about.get("format") != FORMAT or predicted is None or targets is None:
        raise RunFolderError(f"{path} is damaged: it does not hold the predictions of a run")
    if predicted.ndim != 1 or predicted.shape != targets.shape:
        raise RunFolderError(f"{path} is damaged: it does not hold the predictions of a run")
    return SplitPredictions(
        predicted=predicted,
        targets=targets,
        parameters=str(about.get("parameters")),
        split_hash=str(about.get("split_hash") or ""),
    )


def _about(header: dict[str, str]) -> dict[str, Any]:
    try:
        about = json.loads(header.get("about", ""))
    except (ValueError, RecursionError):
        return {}
    return about if isinstance(about, dict) else {}
