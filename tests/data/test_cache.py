"""Runs of a sweep share equal data: images are loaded once, even if labels are corrupted in different ways."""

from dataclasses import replace
from weakref import ref

import pytest
import torch
from training_runs import largest_difference, small, train_together

from dlhw.config.root import TrainConfig
from dlhw.data import Dataset, load_dataset
from dlhw.data.cache import DatasetCache
from dlhw.hydra_support.compose import compose
from dlhw.training.batches import DeviceDataset

LEVELS = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
SEQUENTIAL = "data.split.order=sequential"


def configs(*overrides: str, seeds: int = 1) -> list[TrainConfig]:
    base = compose(list(overrides))
    return [
        replace(base, seed=seed, data=replace(base.data, label_corruption=level))
        for seed in range(seeds)
        for level in LEVELS
    ]


def load(config: TrainConfig) -> Dataset:
    return load_dataset(config.data, config.data_seed())


def objects(datasets: list[Dataset], split: str, tensor: str) -> int:
    return len({id(getattr(dataset.splits[split], tensor)) for dataset in datasets})


@pytest.mark.parametrize("order", [SEQUENTIAL, "data.split.seed=4"])
def test_corruptions_and_seeds_share_the_images(order: str) -> None:
    cache = DatasetCache(1)
    datasets = [cache.get(config, torch.float32) for config in configs(order, seeds=3)]
    for split in ("train", "val", "test"):
        assert objects(datasets, split, "inputs") == 1
    assert objects(datasets, "val", "targets") == objects(datasets, "test", "targets") == 1
    assert objects(datasets, "train", "targets") == 1 + 3 * (len(LEVELS) - 1)
    pool = DeviceDataset.of([dataset.splits["train"] for dataset in datasets], torch.device("cpu"))
    assert (pool.inputs.shape[0], pool.targets.shape[0]) == (1, len(datasets))


def test_the_same_data_is_the_same_object() -> None:
    cache = DatasetCache(2)
    for config in configs(SEQUENTIAL):
        assert cache.get(config, torch.float32) is cache.get(config, torch.float32)


def test_what_a_cohort_still_holds_is_not_loaded_again() -> None:
    """Seeds in turn, more of them than the cache keeps: the order of a sweep."""
    cache, seeds = DatasetCache(2), configs("data.split.order=permutation", seeds=5)[:: len(LEVELS)]
    first = [cache.get(config, torch.float32) for config in seeds]
    assert len({id(dataset) for dataset in first}) == 5
    for _ in range(2):
        assert all(
            cache.get(config, torch.float32) is held for config, held in zip(seeds, first, strict=True)
        )


@pytest.mark.parametrize(
    "overrides",
    [
        (SEQUENTIAL,),
        ("data.split.order=permutation",),
        ("data.split.seed=3",),
        ("data.inputs=gaussian",),
        ("data.inputs=shuffled_pixels", "data.seed=3"),
        (SEQUENTIAL, "data.inputs=random_pixels", "data.seed=3", "data.split.seed=4"),
    ],
    ids=" ".join,
)
def test_it_gives_what_is_loaded_without_it(overrides: tuple[str, ...]) -> None:
    cache = DatasetCache(8)
    for config in configs(*overrides, seeds=2):
        kept, alone = cache.get(config, torch.float32), load(config)
        assert kept.hashes == alone.hashes
        for split in alone.splits:
            assert torch.equal(kept.splits[split].inputs, alone.splits[split].inputs)
            assert torch.equal(kept.splits[split].targets, alone.splits[split].targets)


def test_the_oldest_makes_room() -> None:
    cache = DatasetCache(1)
    first, other = compose([SEQUENTIAL]), compose([SEQUENTIAL, "data.limit=500"])
    loaded = cache.get(first, torch.float32)
    hashes, still_there = loaded.hashes, ref(loaded)
    del loaded
    assert still_there() is not None
    cache.get(other, torch.float32)
    assert still_there() is None
    assert cache.get(first, torch.float32).hashes == hashes


def test_dtypes_are_apart() -> None:
    cache, config = DatasetCache(8), compose([SEQUENTIAL])
    for dtype in (torch.float32, torch.float64):
        assert cache.get(config, dtype).splits["train"].inputs.dtype == dtype


def test_runs_with_other_labels_train_together_as_alone() -> None:
    cache = DatasetCache(1)
    runs = [
        small(SEQUENTIAL, f"data.label_corruption={level}", f"seed={seed}")
        for level in LEVELS[::2]
        for seed in (0, 1)
    ]
    together = train_together(runs, [cache.get(config, torch.float64) for config in runs])
    for config, listener in zip(runs, together, strict=True):
        (alone,) = train_together([config])
        assert largest_difference(listener.last, alone.last) < 1e-10
