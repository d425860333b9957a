"""Data from a NumPy archive: arrays x and y, or train_x and train_y, and optionally val_* and test_*."""

from pathlib import Path

import numpy as np

from dlhw.config.data import Layout, NPZConfig, Task
from dlhw.data.checks import to_labels
from dlhw.data.formats import Archive
from dlhw.data.raw import RawData, RawSplit, SourceLocation
from dlhw.errors import DataError

# Grey, grey with alpha, RGB, RGB with alpha.
MAX_CHANNELS = 4


def load_npz(config: NPZConfig) -> RawData:
    """Read an archive: x of shape (n, d) is a table, (n, H, W) or (n, C, H, W) are images.

    Images of uint8 have the known range 0 to 255; any other range is taken from the training split.

    Raises:
        DataError: an array is missing, not numeric, not finite, or of a shape that does not fit.
    """
    with Archive(config.files()["all"]) as archive:
        has_train = "train_x" in archive.names or "train_y" in archive.names
        pool = _read_split(archive, "train_" if has_train else "", config)
        own = {split: _read_split(archive, f"{split}_", config) for split in _own_splits(archive)}
    for split, raw in own.items():
        _check_same_inputs(archive.path, split, pool, raw)
    # The test split must not influence how the others are scaled, not even by its dtype.
    is_bytes = pool.inputs.dtype == np.uint8 and pool.inputs.ndim == 4
    return RawData(pool, own, max_value=255 if is_bytes else None)


def _own_splits(archive: Archive) -> list[str]:
    return [split for split in ("val", "test") if {f"{split}_x", f"{split}_y"} & set(archive.names)]


def _read_split(archive: Archive, prefix: str, config: NPZConfig) -> RawSplit:
    x_name, y_name = f"{prefix}x", f"{prefix}y"
    archive.require((x_name, y_name))
    where = f"{archive.path}, array {x_name}"
    inputs = _as_inputs(_channels_first(archive.read(x_name), config.layout, where), where)
    y = archive.read(y_name)
    if y.shape not in ((len(inputs),), (len(inputs), 1)):
        raise DataError(
            f"{archive.path}, array {y_name} must have shape ({len(inputs)},) or ({len(inputs)}, 1) "
            f"like {x_name}, got {y.shape}"
        )
    location = SourceLocation(archive.path, y_name)
    _check_finite(y, f"{archive.path}, array {y_name}")
    y = y.reshape(-1)
    targets = to_labels(y, location) if config.task_kind() is Task.classification else y.astype(np.float64)
    return RawSplit(inputs, targets, location)


def _channels_first(x: np.ndarray, layout: Layout, where: str) -> np.ndarray:
    """Images as (n, C, H, W)."""
    if x.ndim != 4:
        return x
    if layout is Layout.hwc:
        return np.ascontiguousarray(x.transpose(0, 3, 1, 2))
    if layout is Layout.auto and x.shape[3] <= MAX_CHANNELS < min(x.shape[1:3]):
        raise DataError(
            f"{where} has shape {x.shape}, which looks like (n, H, W, C), but images are (n, C, H, W): set "
            "data.layout=hwc, or save x.transpose(0, 3, 1, 2); data.layout=chw takes it as it is"
        )
    return x


def _as_inputs(x: np.ndarray, where: str) -> np.ndarray:
    if x.ndim not in (2, 3, 4) or 0 in x.shape[1:]:
        raise DataError(f"{where} must have shape (n, d), (n, H, W) or (n, C, H, W), got {x.shape}")
    _check_finite(x, where)
    if x.dtype not in (np.uint8, np.float32, np.float64):
        x = x.astype(np.float64)
    return x[:, None] if x.ndim == 3 else x


def _check_finite(array: np.ndarray, where: str) -> None:
    finite = np.isfinite(array)
    if not finite.all():
        index = np.unravel_index(int(np.argmin(finite)), array.shape)
        place = ", ".join(str(int(i)) for i in index)
        raise DataError(f"{where} must be finite, got {array[index]} at index {place}")


def _check_same_inputs(path: Path, split: str, pool: RawSplit, raw: RawSplit) -> None:
    expected, got = pool.inputs.shape[1:], raw.inputs.shape[1:]
    if expected != got:
        raise DataError(
            f"{path}, array {split}_x must hold samples of shape {expected} like training, got {got}"
        )
