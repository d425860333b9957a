"""Data: sources (files), selection, splits, scaling. `load_dataset` is the way in."""

from dlhw.data.dataset import Dataset, Split, load_dataset

__all__ = ["Dataset", "Split", "load_dataset"]
