"""Labels that are replaced at random, and what stays as it was."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dlhw.config.data import DigitsConfig, Order, SplitConfig
from dlhw.data import Dataset, Split, load_dataset
from dlhw.data.dataset import corrupt_labels
from dlhw.data.normalize import Normalization, Normalize
from dlhw.hydra_support.compose import compose

NOTHING = Normalization(Normalize.none, torch.zeros(()), torch.ones(()))
seeds = st.integers(0, 2**63 - 1)
probabilities = st.floats(0, 1)


def labelled(count: int, num_classes: int = 10) -> Dataset:
    splits = {
        name: Split(torch.zeros(count, 1), torch.arange(count) % num_classes)
        for name in ("train", "val", "test")
    }
    names = [str(label) for label in range(num_classes)]
    return Dataset(splits, (1,), names, num_classes, None, NOTHING, {name: name for name in splits})


def targets(dataset: Dataset, probability: float, seed: int) -> torch.Tensor:
    return corrupt_labels(dataset, probability, seed).splits["train"].targets


@given(seeds, probabilities, st.integers(1, 200), st.integers(2, 7))
def test_all_but_training_labels_is_shared(seed: int, probability: float, count: int, classes: int) -> None:
    clean = labelled(count, classes)
    corrupted = corrupt_labels(clean, probability, seed)
    assert corrupted.splits["train"].inputs is clean.splits["train"].inputs
    assert corrupted.splits["val"] is clean.splits["val"]
    assert corrupted.splits["test"] is clean.splits["test"]
    assert clean.splits["train"].targets.tolist() == [place % classes for place in range(count)]
    targets = corrupted.splits["train"].targets
    assert targets.dtype == torch.int64
    assert 0 <= int(targets.min())
    assert int(targets.max()) < classes


@given(seeds, st.tuples(probabilities, probabilities))
def test_higher_corruption_contains_lower(seed: int, pair: tuple[float, float]) -> None:
    clean = labelled(100)
    low, high = (targets(clean, probability, seed) for probability in sorted(pair))
    changed = low != clean.splits["train"].targets
    assert torch.equal(high[changed], low[changed])


@given(seeds, probabilities)
def test_the_seed_says_which(seed: int, probability: float) -> None:
    clean = labelled(100)
    assert torch.equal(targets(clean, probability, seed), targets(clean, probability, seed))


@pytest.mark.parametrize("probability", [0.2, 0.5, 1.0])
def test_the_share_of_changed_labels(probability: float) -> None:
    """A label changes with probability p (1 - 1/K), since the drawn class can be the true one."""
    clean = labelled(100_000)
    changed = float((targets(clean, probability, 0) != clean.splits["train"].targets).double().mean())
    assert changed == pytest.approx(0.9 * probability, abs=0.007)  # 4 standard errors


def test_random_labels_are_uniform_and_say_nothing_of_the_true_ones() -> None:
    clean = labelled(100_000)
    table = np.zeros((10, 10))
    np.add.at(table, (clean.splits["train"].targets.numpy(), targets(clean, 1, 0).numpy()), 1)
    assert ((table - 1000) ** 2 / 1000).sum() < 180  # chi^2 with 90 degrees of freedom: 1e-7


def test_hashes_tell_corruptions_apart() -> None:
    clean = labelled(100)
    corrupted = [corrupt_labels(clean, p, seed) for p, seed in ((0.0, None), (0.5, 0), (0.5, 1), (1, 0))]
    assert len({dataset.hashes["train"] for dataset in corrupted}) == 4
    assert len({dataset.hashes["test"] for dataset in corrupted}) == 1
    assert corrupt_labels(clean, 0.5, 0).hashes == corrupted[1].hashes


def test_file_order_has_a_seed_for_corruption_alone() -> None:
    split = SplitConfig(train=None, val=300, test=0, order=Order.sequential)
    config = DigitsConfig(split=split, label_corruption=0.5)
    first, other = (load_dataset(config, config.seed_for(seed)) for seed in (0, 1))
    assert torch.equal(first.splits["train"].inputs, other.splits["train"].inputs)
    assert not torch.equal(first.splits["train"].targets, other.splits["train"].targets)
    assert torch.equal(first.splits["val"].targets, other.splits["val"].targets)


def test_a_seed_of_the_split_is_not_that_of_corruption() -> None:
    config = DigitsConfig(split=SplitConfig(seed=7), label_corruption=0.5)
    clean = load_dataset(DigitsConfig(), 7).splits["train"]
    first, other = (load_dataset(config, config.seed_for(seed)).splits["train"] for seed in (0, 1))
    assert torch.equal(first.inputs, clean.inputs)
    assert torch.equal(other.inputs, clean.inputs)
    assert not torch.equal(first.targets, other.targets)


@pytest.mark.parametrize(
    ("overrides", "seed"),
    [
        (["data.split.order=sequential"], None),
        (["data.split.order=sequential", "data.label_corruption=0.1"], 5),
        (["data.split.order=sequential", "data.inputs=gaussian"], 5),
        (["data.split.order=sequential", "data.inputs=gaussian", "data.seed=0"], 0),
        (["data.split.seed=2"], 2),
        (["data.split.seed=2", "data.seed=0"], 2),
        (["data.seed=0"], 0),
        (["data.split.seed=2", "data.label_corruption=0.1"], 5),
        (["data.split.seed=2", "data.label_corruption=0.1", "data.seed=0"], 0),
    ],
)
def test_which_seed_the_data_draws_from(overrides: list[str], seed: int | None) -> None:
    assert compose(["seed=5", *overrides]).data_seed() == seed
