"""Scaling of inputs: (x - shift) / scale, with statistics of the training split only."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from dlhw.config.data import DataConfig, Normalize, Statistics
from dlhw.errors import DataError

BYTE_MAX = 255
CHUNK = 4096  # rows that are float64 at a time: statistics of all MNIST at once would take 300 MB


@dataclass(frozen=True)
class Normalization:
    """Scaling of inputs.

    x -> (x - shift) / scale
    """

    kind: Normalize
    shift: Tensor
    """float64, () or input_shape"""
    scale: Tensor
    """float64, () or input_shape; never 0"""

    def apply(self, inputs: np.ndarray, dtype: torch.dtype) -> Tensor:
        """Scale raw inputs.

        Args:
            inputs: (n, *input_shape), uint8, float32 or float64; not changed.
            dtype: of the result; float64 inputs are scaled before they are rounded to it.
        """
        raw = torch.from_numpy(inputs)
        work = torch.promote_types(raw.dtype, dtype)
        scaled = raw.to(work, copy=True)
        if self.kind is not Normalize.none:
            scaled.sub_(self.shift.to(work)).div_(self.scale.to(work))
        return scaled.to(dtype)

    def record(self) -> dict[str, object]:
        """As plain values, for JSON."""
        return {"kind": str(self.kind), "shift": self.shift.tolist(), "scale": self.scale.tolist()}


def fit_normalization(config: DataConfig, train: np.ndarray, max_value: float | None) -> Normalization:
    """Find shift and scale.

    auto: unit for bytes, else none. unit: x / max, symmetric: x / (max / 2) - 1 where the range [0, max]
    is known; else the same with the smallest and largest value of the training split. unit_256: x / 256, for
    bytes. standardize: (x - mean) / std, std being that of the population (divided by n); given constants are
    those of x / max where the range is known. An input that is constant in training is only shifted (its
    scale is 1).

    Args:
        config: `normalize`, `statistics`, `mean` and `std` are read.
        train: raw inputs of the training split, (n, *input_shape).
        max_value: upper end of the known range; None if it is not known.

    Raises:
        DataError: if unit_256 is set and the inputs are not bytes from 0 to 255.
    """
    if config.normalize is Normalize.auto:
        config = replace(config, normalize=Normalize.unit if train.dtype == np.uint8 else Normalize.none)
    # Numbers near the largest of float64 overflow here; the caller checks the scale for that.
    with np.errstate(over="ignore", invalid="ignore"):
        shift, scale = _shift_scale(config, train, max_value)
    scale = np.where(scale == 0, 1.0, scale)
    return Normalization(config.normalize, torch.as_tensor(shift), torch.as_tensor(scale))


def _shift_scale(
    config: DataConfig, train: np.ndarray, max_value: float | None
) -> tuple[np.ndarray, np.ndarray]:
    if config.normalize is Normalize.none:
        return np.zeros(()), np.ones(())
    if config.normalize is Normalize.unit_256:
        if max_value != BYTE_MAX:
            raise DataError(
                "data.normalize=unit_256 divides bytes (0 to 255) by 256, but the inputs of "
                f"data={config.name} are no such bytes: choose another data.normalize"
            )
        return np.zeros(()), np.array(BYTE_MAX + 1.0)
    if config.mean is not None and config.std is not None:
        unit = 1.0 if max_value is None else max_value
        return np.array(config.mean * unit), np.array(config.std * unit)
    if config.normalize is Normalize.standardize:
        return _mean_std(train, _per_feature(config.statistics, train))
    low, high = _range(train, _per_feature(config.statistics, train), max_value)
    if config.normalize is Normalize.unit:
        return low, high - low
    half = (high - low) / 2
    return low + half, half  # (x - middle) / half is exact at both ends, unlike x / half - 1


def _per_feature(statistics: Statistics, inputs: np.ndarray) -> bool:
    if statistics is Statistics.auto:
        return inputs.ndim == 2
    return statistics is Statistics.feature


def _range(
    inputs: np.ndarray, per_feature: bool, max_value: float | None = None
) -> tuple[np.ndarray, np.ndarray]:
    if max_value is not None:
        return np.zeros(()), np.array(float(max_value))
    axis = 0 if per_feature else None
    return (
        np.asarray(inputs.min(axis=axis), dtype=np.float64),
        np.asarray(inputs.max(axis=axis), dtype=np.float64),
    )


def _mean_std(inputs: np.ndarray, per_feature: bool) -> tuple[np.ndarray, np.ndarray]:
    axis = 0 if per_feature else None
    count = len(inputs) if per_feature else inputs.size
    mean = np.asarray(sum(chunk.sum(axis=axis) for chunk in _chunks(inputs)) / count)
    squares = sum(((chunk - mean) ** 2).sum(axis=axis) for chunk in _chunks(inputs))
    std = np.sqrt(np.asarray(squares) / count)
    # The rounded mean of equal numbers may differ from them: that difference is not a spread.
    low, high = _range(inputs, per_feature)
    return mean, np.where(low == high, 0.0, std)


def _chunks(inputs: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(inputs), CHUNK):
        yield inputs[start : start + CHUNK].astype(np.float64)
