"""Cache of data sets, so that many runs read each only once."""

import json
from dataclasses import replace
from weakref import WeakValueDictionary

import torch

from dlhw.config.data import DataConfig
from dlhw.config.load import to_dict
from dlhw.config.root import TrainConfig
from dlhw.data.dataset import Dataset, corrupt_labels, load_dataset

Corruption = tuple[float, int | None]


class DatasetCache:
    """FIFO cache of data sets, backed by weak references.

    Runs that differ only in the corruption of their labels share the inputs.

    Args:
        size: number of data sets to keep when nothing else refers to them; one with several corruptions of
            its labels counts once.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._kept: dict[str, dict[Corruption, Dataset]] = {}
        # A cohort refers to the data sets of all its seeds while it gets them in turn.
        self._alive: WeakValueDictionary[str, Dataset] = WeakValueDictionary()

    def get(self, config: TrainConfig, dtype: torch.dtype) -> Dataset:
        """The data set of a run: the same object for the same data, the same inputs for other labels.

        Raises:
            DataError: a file is missing or damaged, or lacks what the config requires.
        """
        clean = replace(config.data, label_corruption=0.0)
        variants = self._variants(clean, clean.seed_for(config.seed), dtype)
        probability = config.data.label_corruption
        key = (probability, config.data_seed() if probability else None)
        if key not in variants:
            variants[key] = corrupt_labels(variants[0.0, None], *key)
        return variants[key]

    def _variants(self, clean: DataConfig, seed: int | None, dtype: torch.dtype) -> dict[Corruption, Dataset]:
        key = json.dumps([to_dict(clean), seed, str(dtype)], sort_keys=True)
        if key not in self._kept:
            if len(self._kept) >= self.size:
                self._kept.pop(next(iter(self._kept)))
            loaded = self._alive.get(key)
            if loaded is None:
                loaded = self._alive[key] = load_dataset(clean, seed, dtype)
            self._kept[key] = {(0.0, None): loaded}
        return self._kept[key]
