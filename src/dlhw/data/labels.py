"""Class labels: integers 0, 1, … below the number of classes."""

import numpy as np

from dlhw.data.raw import Place, RawData
from dlhw.errors import DataError


def to_labels(values: np.ndarray, place: Place) -> np.ndarray:
    """Labels as int64, if they are whole numbers from 0.

    Args:
        values: (n,) numbers of any real dtype.
        place: where they stand, for the error.

    Raises:
        DataError: a label is negative, or not whole.
    """
    with np.errstate(invalid="ignore"):
        # 2**53: above it neither float64 nor the comparison below is exact.
        good = (values >= 0) & (values <= 2**53) & (values == np.floor(values))
    if not good.all():
        index = int(np.argmin(good))
        raise DataError(
            f"{place.at(index)} must be a class label (an integer 0, 1, …), got {values[index]}; "
            "for real-valued targets set data.task=regression"
        )
    return values.astype(np.int64)


def check_range(labels: np.ndarray, num_classes: int, place: Place, remedy: str = "") -> None:
    """Refuse labels that no class has; `remedy` ends the sentence.

    Raises:
        DataError: names the first such label, where it stands, and the allowed range.
    """
    good = (labels >= 0) & (labels < num_classes)
    if not good.all():
        index = int(np.argmin(good))
        raise DataError(
            f"{place.at(index)} must be a class label from 0 to {num_classes - 1}, "
            f"got {labels[index]}{remedy}"
        )


def count_classes(raw: RawData) -> int:
    """The largest label + 1 of all parts but the test set, for a source that does not say how many there are.

    A model has an output for each class, so a label of the test set alone would change what is trained.

    Raises:
        DataError: there would be more classes than samples, so the targets are hardly labels.
    """
    seen = [raw.pool, *(part for name, part in raw.own.items() if name != "test")]
    largest = max(int(part.targets.max()) for part in seen if len(part))
    samples = sum(len(part) for part in seen)
    if largest >= samples:
        raise DataError(
            f"{raw.pool.place.file} has a label {largest}, so {largest + 1} classes, but only {samples} "
            "samples: set data.num_classes, or data.task=regression if the targets are numbers"
        )
    return largest + 1
