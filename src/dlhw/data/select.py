"""Which samples of a source are kept, and under which label."""

from dataclasses import dataclass

import numpy as np

from dlhw.data.raw import RawPart
from dlhw.errors import DataError


@dataclass(frozen=True)
class Selection:
    """Chosen samples of one raw part."""

    raw: RawPart
    indices: np.ndarray
    """(n,) int64, into `raw`"""
    targets: np.ndarray
    """(n,) relabelled targets of the chosen samples"""

    def __len__(self) -> int:
        return len(self.indices)

    def take(self, positions: np.ndarray) -> "Selection":
        """Some of the chosen samples, by position among them."""
        return Selection(self.raw, self.indices[positions], self.targets[positions])


def select(raw: RawPart, limit: int | None = None, classes: list[int] | None = None) -> Selection:
    """Keep the first `limit` samples, then those of `classes`, relabelled 0, 1, … in the given order.

    >>> from dlhw.data.raw import Place
    >>> raw = RawPart(np.zeros((5, 1)), np.array([2, 3, 7, 3, 2]), Place("labels"))
    >>> chosen = select(raw, limit=4, classes=[3, 2])
    >>> chosen.indices, chosen.targets
    (array([0, 1, 3]), array([1, 0, 0]))
    """
    indices = np.arange(len(raw) if limit is None else min(limit, len(raw)))
    everything = Selection(raw, indices, raw.targets[: len(indices)])
    if classes is None:
        return everything
    kept = everything.take(np.flatnonzero(np.isin(everything.targets, classes)))
    new_label = np.zeros(max(classes) + 1, dtype=np.int64)
    new_label[classes] = np.arange(len(classes))
    return Selection(raw, kept.indices, new_label[kept.targets])


def check_classes(classes: list[int], num_classes: int) -> None:
    """Refuse classes that the source does not have.

    Raises:
        DataError: names the class and the allowed range.
    """
    for label in classes:
        if not 0 <= label < num_classes:
            raise DataError(f"data.classes must hold labels from 0 to {num_classes - 1}, got {label}")
