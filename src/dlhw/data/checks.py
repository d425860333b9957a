"""Whether the parts can be trained on and measured."""

from collections.abc import Mapping

import torch
from torch import Tensor

from dlhw.config.data import Task
from dlhw.data.raw import Place, RawData
from dlhw.data.select import Selection
from dlhw.errors import DataError

PART_NAMES = {"train": "training", "val": "validation", "test": "test"}


def check_any_samples(raw: RawData) -> None:
    """Refuse a source without a single sample to train on.

    Raises:
        DataError: names the file.
    """
    if not len(raw.pool):
        raise DataError(f"{raw.pool.place.file} holds no samples")


def check_parts(parts: Mapping[str, Selection], task: Task, class_names: list[str]) -> None:
    """Refuse an empty part, and one in which every sample is of one class.

    Raises:
        DataError: names the part, the class and what can be changed.
    """
    for name, part in parts.items():
        if not len(part):
            raise DataError(
                f"the {PART_NAMES[name]} part (from {part.raw.place.file}) is empty: "
                "check the file, data.classes and data.limit"
            )
        if task is Task.classification and (part.targets == part.targets[0]).all():
            raise DataError(
                f"the {PART_NAMES[name]} part (from {part.raw.place.file}) holds only class "
                f"{class_names[part.targets[0]]} ({len(part)} samples), and needs two or more: "
                "change data.split (larger parts, order=permutation), data.limit or data.classes"
            )


def check_representable(scaled: Tensor, name: str, place: Place) -> None:
    """Refuse numbers that became infinite in the run's dtype.

    Raises:
        DataError: names the part, the file and the dtype.
    """
    if not torch.isfinite(scaled).all():
        raise DataError(
            f"the {PART_NAMES[name]} part (from {place.file}) holds numbers that are too large for "
            f"{str(scaled.dtype).removeprefix('torch.')}: rescale the file, or choose another data.normalize"
        )
