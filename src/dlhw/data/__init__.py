"""Data sets: sources, selection, splits, scaling. Start at `load_dataset`."""

from dlhw.data.dataset import Dataset, Split, load_dataset

__all__ = ["Dataset", "Split", "load_dataset"]
