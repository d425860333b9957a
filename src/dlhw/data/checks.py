"""Checks of class labels and of splits."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from dlhw.config.data import Task
from dlhw.data.raw import RawData, SourceLocation
from dlhw.data.split import SampleSelection
from dlhw.errors import DataError


def to_labels(values: np.ndarray, location: SourceLocation) -> np.ndarray:
    """Labels as int64, if they are whole numbers from 0.

    Args:
        values: (n,) numbers of any real dtype.
        location: where they stand, for the error.

    Raises:
        DataError: a label is negative, or not whole.
    """
    with np.errstate(invalid="ignore"):
        # 2**53: above it neither float64 nor the comparison below is exact.
        good = (values >= 0) & (values <= 2**53) & (values == np.floor(values))
    if not good.all():
        index = int(np.argmin(good))
        raise DataError(
            f"{location.at(index)} must be a class label (an integer 0, 1, …), got {values[index]}; "
            "for real-valued targets set data.task=regression"
        )
    return values.astype(np.int64)


def check_range(labels: np.ndarray, num_classes: int, location: SourceLocation, remedy: str = "") -> None:
    """Refuse labels that no class has; `remedy` ends the sentence.

    Raises:
        DataError: names the first such label, where it stands, and the allowed range.
    """
    good = (labels >= 0) & (labels < num_classes)
    if not good.all():
        index = int(np.argmin(good))
        raise DataError(
            f"{location.at(index)} must be a class label from 0 to {num_classes - 1}, "
            f"got {labels[index]}{remedy}"
        )


def count_classes(raw: RawData) -> int:
    """Number of classes of a source that does not say it: the largest label + 1, the test set left out.

    A model has an output for each class, so a label of the test set alone would change what is trained.

    Raises:
        DataError: there would be more classes than samples, so the targets are hardly labels.
    """
    seen = [raw.pool, *(split for name, split in raw.own.items() if name != "test")]
    largest = max(int(split.targets.max()) for split in seen if len(split))
    samples = sum(len(split) for split in seen)
    if largest >= samples:
        raise DataError(
            f"{raw.pool.location.file} has a label {largest}, so {largest + 1} classes, but only {samples} "
            "samples: set data.num_classes, or data.task=regression if the targets are numbers"
        )
    return largest + 1


SPLIT_NAMES = {"train": "training", "val": "validation", "test": "test"}


def check_any_samples(raw: RawData) -> None:
    """Refuse a source without a single sample to train on.

    Raises:
        DataError: names the file.
    """
    if not len(raw.pool):
        raise DataError(f"{raw.pool.location.file} holds no samples")


def check_splits(splits: Mapping[str, SampleSelection], task: Task, class_names: list[str]) -> None:
    """Refuse an empty split, and one in which every sample is of one class.

    Raises:
        DataError: names the split, the class and what can be changed.
    """
    for name, split in splits.items():
        if not len(split):
            raise DataError(
                f"the {SPLIT_NAMES[name]} split (from {split.raw.location.file}) is empty: "
                "check the file, data.classes and data.limit"
            )
        if task is Task.classification and (split.targets == split.targets[0]).all():
            raise DataError(
                f"the {SPLIT_NAMES[name]} split (from {split.raw.location.file}) holds only class "
                f"{class_names[split.targets[0]]} ({len(split)} samples), and needs two or more: "
                "change data.split (larger splits, order=permutation), data.limit or data.classes"
            )


def check_representable(scaled: Tensor, name: str, location: SourceLocation) -> None:
    """Refuse numbers that became infinite in the run's dtype.

    Raises:
        DataError: names the split, the file and the dtype.
    """
    if not torch.isfinite(scaled).all():
        raise DataError(
            f"the {SPLIT_NAMES[name]} split (from {location.file}) holds numbers that are too large for "
            f"{str(scaled.dtype).removeprefix('torch.')}: rescale the file, or choose another data.normalize"
        )
