"""Cutting the training pool into parts."""

import numpy as np
import torch

from dlhw.config.data import Order, SplitConfig
from dlhw.errors import DataError
from dlhw.random import generator

PARTS = ("train", "val", "test")
Size = int | float | None


def split_indices(num_samples: int, split: SplitConfig, seed: int | None) -> dict[str, np.ndarray]:
    """Lay out the pool and cut it in the order train, val, test.

    Args:
        num_samples: size of the pool.
        split: a size for each part, and the order.
        seed: of the permutation; the sequential order takes no notice of it.

    Returns:
        For each part that is not empty, positions in the pool (int64). Parts never overlap; with a part that
        is the rest, or fractions that sum to 1, they cover the pool.

    Raises:
        DataError: the parts ask for more than there is, or one that is asked for would be empty.
    """
    counts = count_parts(num_samples, split)
    layout = _layout(num_samples, split.order, seed)
    ends = np.cumsum([counts[part] for part in PARTS])
    cuts = dict(zip(PARTS, np.split(layout, ends), strict=False))  # what is behind the last end is not used
    return {part: indices for part, indices in cuts.items() if len(indices)}


def _layout(num_samples: int, order: Order, seed: int | None) -> np.ndarray:
    if order is Order.sequential:
        return np.arange(num_samples)
    assert seed is not None, "a permutation needs a seed"
    return torch.randperm(num_samples, generator=generator(seed, "split")).numpy()


def count_parts(num_samples: int, split: SplitConfig) -> dict[str, int]:
    """How many samples each part gets: counts as they are, fractions of the pool, null the rest.

    `test=null` is the rest only where no other part is; beside `train=null` it means no test part.

    >>> count_parts(10, SplitConfig(train=0.5, val=3, test=None))
    {'train': 5, 'val': 3, 'test': 2}
    >>> count_parts(10, SplitConfig(train=None, val=0.25, test=None))
    {'train': 7, 'val': 3, 'test': 0}

    Raises:
        DataError: the parts ask for more than there is, or one that is asked for would be empty.
    """
    sizes: dict[str, Size] = {part: getattr(split, part) for part in PARTS}
    counts = {part: int(size or 0) if not isinstance(size, float) else 0 for part, size in sizes.items()}
    counts |= _count_fractions(num_samples, {p: s for p, s in sizes.items() if isinstance(s, float)})
    _check_sum(num_samples, sizes, counts)
    rest = next((part for part in PARTS if sizes[part] is None), None)
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
    given = ", ".join(f"data.split.{part}={sizes[part]}" for part in PARTS if counts[part])
    raise DataError(
        f"{given} must fit into the training pool of {num_samples} samples, got {sum(counts.values())}"
    )


def _check_empty(num_samples: int, sizes: dict[str, Size], counts: dict[str, int], rest: str | None) -> None:
    for part in PARTS:
        if counts[part]:
            continue
        if part == rest and part != "test":
            raise DataError(
                f"data.split.{part}=null (the rest) must not be empty, but the other parts take all "
                f"{num_samples} samples of the training pool: make them smaller"
            )
        if sizes[part]:
            raise DataError(
                f"data.split.{part}={sizes[part]} must not be empty, but it is of a training pool of "
                f"{num_samples} samples: make it larger"
            )
