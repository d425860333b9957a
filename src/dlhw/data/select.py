"""Which samples of a source are kept, and under which label."""

from dataclasses import dataclass

import numpy as np

from dlhw.config.data import DataConfig
from dlhw.data.raw import RawData, RawPart
from dlhw.errors import DataError, listing


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


def own_parts(config: DataConfig, raw: RawData) -> dict[str, Selection]:
    """What is kept of the parts that the source brings, by the part that each serves as.

    Raises:
        DataError: the config speaks of a test set that the source does not bring, or that lacks samples.
    """
    own = {name: select(part, classes=config.classes) for name, part in raw.own.items()}
    if config.test_per_class is not None:
        own["test"] = first_per_class(_test_set(own, raw, "data.test_per_class"), config.test_per_class)
    if not config.split.val_from_test:
        return own
    test = _test_set(own, raw, "data.split.val_from_test")
    if "val" in own:
        raise DataError(
            f"data.split.val_from_test must be false, because {own['val'].raw.place.file} brings a "
            "validation part of its own"
        )
    return {"val": test}


def _test_set(own: dict[str, Selection], raw: RawData, key: str) -> Selection:
    if "test" not in own:
        raise DataError(f"{key} needs a test set, {raw.pool.place.file} brings none")
    return own["test"]


def first_per_class(part: Selection, counts: list[int]) -> Selection:
    """Keep the first `counts[k]` samples of each class k, in their order.

    >>> from dlhw.data.raw import Place
    >>> raw = RawPart(np.zeros((5, 1)), np.array([1, 1, 0, 1, 0]), Place("labels"))
    >>> first_per_class(select(raw), [1, 2]).indices
    array([0, 1, 2])

    Raises:
        DataError: there is not one count for each class, or a class has fewer samples.
    """
    has = np.bincount(part.targets, minlength=len(counts))
    if len(has) > len(counts):
        raise DataError(
            f"data.test_per_class must hold one count for each class, but {part.raw.place.file} has a class "
            f"{len(has) - 1} and there are {len(counts)} counts"
        )
    if (has < counts).any():
        raise DataError(
            f"data.test_per_class must be at most {listing(has)} (samples of each class in "
            f"{part.raw.place.file}), got {listing(counts)}"
        )
    firsts = [np.flatnonzero(part.targets == label)[:count] for label, count in enumerate(counts)]
    return part.take(np.sort(np.concatenate(firsts)))
