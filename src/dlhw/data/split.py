"""Which samples of a source are used: selection by class and number, and the split of the training pool."""

from dataclasses import dataclass

import numpy as np
import torch

from dlhw.config.data import DataConfig, Order, SplitConfig
from dlhw.data.raw import RawData, RawSplit
from dlhw.errors import DataError, listing
from dlhw.random import generator


@dataclass(frozen=True)
class SampleSelection:
    """Chosen samples of one raw split."""

    raw: RawSplit
    indices: np.ndarray
    """(n,) int64, into `raw`"""
    targets: np.ndarray
    """(n,) relabelled targets of the chosen samples"""

    def __len__(self) -> int:
        return len(self.indices)

    def take(self, positions: np.ndarray) -> "SampleSelection":
        """Some of the chosen samples, by position among them."""
        return SampleSelection(self.raw, self.indices[positions], self.targets[positions])


def select(raw: RawSplit, limit: int | None = None, classes: list[int] | None = None) -> SampleSelection:
    """Keep the first `limit` samples, then those of `classes`, relabelled 0, 1, … in the given order.

    >>> from dlhw.data.raw import SourceLocation
    >>> raw = RawSplit(np.zeros((5, 1)), np.array([2, 3, 7, 3, 2]), SourceLocation("labels"))
    >>> chosen = select(raw, limit=4, classes=[3, 2])
    >>> chosen.indices, chosen.targets
    (array([0, 1, 3]), array([1, 0, 0]))
    """
    indices = np.arange(len(raw) if limit is None else min(limit, len(raw)))
    everything = SampleSelection(raw, indices, raw.targets[: len(indices)])
    if classes is None:
        return everything
    kept = everything.take(np.flatnonzero(np.isin(everything.targets, classes)))
    new_label = np.zeros(max(classes) + 1, dtype=np.int64)
    new_label[classes] = np.arange(len(classes))
    return SampleSelection(raw, kept.indices, new_label[kept.targets])


def check_classes(classes: list[int], num_classes: int) -> None:
    """Refuse classes that the source does not have.

    Raises:
        DataError: names the class and the allowed range.
    """
    for label in classes:
        if not 0 <= label < num_classes:
            raise DataError(f"data.classes must hold labels from 0 to {num_classes - 1}, got {label}")


def own_splits(config: DataConfig, raw: RawData) -> dict[str, SampleSelection]:
    """Selected samples of the source's own splits, by the split that they serve as.

    Raises:
        DataError: the config requires a test set that the source does not have, or that lacks samples.
    """
    own = {name: select(split, classes=config.classes) for name, split in raw.own.items()}
    if config.test_per_class is not None:
        own["test"] = first_per_class(_test_set(own, raw, "data.test_per_class"), config.test_per_class)
    if not config.split.val_from_test:
        return own
    test = _test_set(own, raw, "data.split.val_from_test")
    if "val" in own:
        raise DataError(
            f"data.split.val_from_test must be false, because {own['val'].raw.location.file} brings a "
            "validation split of its own"
        )
    return {"val": test}


def _test_set(own: dict[str, SampleSelection], raw: RawData, key: str) -> SampleSelection:
    if "test" not in own:
        raise DataError(f"{key} needs a test set, {raw.pool.location.file} brings none")
    return own["test"]


def first_per_class(split: SampleSelection, counts: list[int]) -> SampleSelection:
    """Keep the first `counts[k]` samples of each class k, in the order of the source.

    >>> from dlhw.data.raw import SourceLocation
    >>> raw = RawSplit(np.zeros((5, 1)), np.array([1, 1, 0, 1, 0]), SourceLocation("labels"))
    >>> first_per_class(select(raw), [1, 2]).indices
    array([0, 1, 2])

    Raises:
        DataError: the number of counts is not the number of classes, or a class has too few samples.
    """
    has = np.bincount(split.targets, minlength=len(counts))
    if len(has) > len(counts):
        raise DataError(
            f"data.test_per_class must hold one count for each class, but {split.raw.location.file} has a "
            f"class {len(has) - 1} and there are {len(counts)} counts"
        )
    if (has < counts).any():
        raise DataError(
            f"data.test_per_class must be at most {listing(has)} (samples of each class in "
            f"{split.raw.location.file}), got {listing(counts)}"
        )
    firsts = [np.flatnonzero(split.targets == label)[:count] for label, count in enumerate(counts)]
    return split.take(np.sort(np.concatenate(firsts)))


SPLITS = ("train", "val", "test")
Size = int | float | None


def split_indices(num_samples: int, config: SplitConfig, seed: int | None) -> dict[str, np.ndarray]:
    """Order the pool and cut it into train, val and test.

    Args:
        num_samples: size of the pool.
        config: a size for each split, and the order.
        seed: of the permutation; ignored for the sequential order.

    Returns:
        Name -> positions in the pool (int64), for each split that is not empty. Splits never overlap; they
        cover the pool if one split is the rest or the fractions sum to 1.

    Raises:
        DataError: the splits need more samples than the pool has, or one of them would be empty.
    """
    counts = count_splits(num_samples, config)
    layout = _layout(num_samples, config.order, seed)
    ends = np.cumsum([counts[split] for split in SPLITS])
    cuts = dict(zip(SPLITS, np.split(layout, ends), strict=False))  # samples after the last end are not used
    return {split: indices for split, indices in cuts.items() if len(indices)}


def _layout(num_samples: int, order: Order, seed: int | None) -> np.ndarray:
    if order is Order.sequential:
        return np.arange(num_samples)
    assert seed is not None, "a permutation needs a seed"
    return torch.randperm(num_samples, generator=generator(seed, "split")).numpy()


def count_splits(num_samples: int, config: SplitConfig) -> dict[str, int]:
    """Number of samples of each split: a count, a fraction of the pool, or null for the rest.

    `test=null` is the rest only if no other split is; beside `train=null` it means no test split.

    >>> count_splits(10, SplitConfig(train=0.5, val=3, test=None))
    {'train': 5, 'val': 3, 'test': 2}
    >>> count_splits(10, SplitConfig(train=None, val=0.25, test=None))
    {'train': 7, 'val': 3, 'test': 0}

    Raises:
        DataError: the splits need more samples than the pool has, or one of them would be empty.
    """
    sizes: dict[str, Size] = {split: getattr(config, split) for split in SPLITS}
    counts = {split: int(size or 0) if not isinstance(size, float) else 0 for split, size in sizes.items()}
    counts |= _count_fractions(num_samples, {p: s for p, s in sizes.items() if isinstance(s, float)})
    _check_sum(num_samples, sizes, counts)
    rest = next((split for split in SPLITS if sizes[split] is None), None)
    if rest is not None:
        counts[rest] = num_samples - sum(counts.values())
    _check_empty(num_samples, sizes, counts, rest)
    return counts


def _count_fractions(num_samples: int, fractions: dict[str, float]) -> dict[str, int]:
    # The running sum is rounded, not each fraction, so that fractions that sum to 1 use every sample.
    ends = np.floor(np.cumsum(list(fractions.values())) * num_samples + 0.5 + 1e-9).astype(int)
    return dict(zip(fractions, np.diff(ends, prepend=0).tolist(), strict=True))


def _check_sum(num_samples: int, sizes: dict[str, Size], counts: dict[str, int]) -> None:
    if sum(counts.values()) <= num_samples:
        return
    given = ", ".join(f"data.split.{split}={sizes[split]}" for split in SPLITS if counts[split])
    raise DataError(
        f"{given} must fit into the training pool of {num_samples} samples, got {sum(counts.values())}"
    )


def _check_empty(num_samples: int, sizes: dict[str, Size], counts: dict[str, int], rest: str | None) -> None:
    for split in SPLITS:
        if counts[split]:
            continue
        if split == rest and split != "test":
            raise DataError(
                f"data.split.{split}=null (the rest) must not be empty, but the other splits take all "
                f"{num_samples} samples of the training pool: make them smaller"
            )
        if sizes[split]:
            raise DataError(
                f"data.split.{split}={sizes[split]} must not be empty, but it is of a training pool of "
                f"{num_samples} samples: make it larger"
            )
