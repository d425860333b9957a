"""The test set that a source brings: as validation split, and cut down to some samples of each class."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from dlhw.config.data import MNISTConfig, Normalize, NPZConfig, OctMNISTConfig, SplitConfig
from dlhw.data import load_dataset
from dlhw.errors import DataError
from dlhw.hydra_support.compose import compose

Write = Callable[..., str]
REST = SplitConfig(train=None, val=None, test=None)


def arrays(**counts: int) -> dict[str, np.ndarray]:
    content: dict[str, np.ndarray] = {}
    for split, count in counts.items():
        content[f"{split}_x"] = np.arange(count)[:, None] + 0.5
        content[f"{split}_y"] = np.arange(count) % 3
    return content


def test_the_test_set_serves_for_validation(mnist_root: Path) -> None:
    overrides = [
        f"data.root={mnist_root}",
        "data.download=false",
        "data.limit=30",
        "data.classes=[3,2]",
        "data.split.val=3",
    ]
    plain, other = (
        compose(["data=mnist", "model=logistic", *overrides, f"data.split.val_from_test={flag}"])
        for flag in (False, True)
    )
    was = load_dataset(plain.data, plain.data_seed()).splits
    now = load_dataset(other.data, other.data_seed())
    assert (list(was), list(now.splits)) == (["train", "val", "test"], ["train", "val"])
    assert torch.equal(now.splits["val"].inputs, was["test"].inputs)
    assert torch.equal(now.splits["val"].targets, was["test"].targets)
    # nothing is cut from the pool: 30 images with labels 0, …, 9, three times
    assert now.splits["train"].targets.tolist() == [1, 0, 1, 0, 1, 0]
    assert now.class_names == ["3", "2"]


def test_as_many_of_each_class_from_the_front(tmp_path: Path, octmnist_arrays: dict[str, np.ndarray]) -> None:
    np.savez(tmp_path / "octmnist.npz", **octmnist_arrays)  # type: ignore[arg-type]
    counts = [1, 3, 2, 3]
    config = OctMNISTConfig(
        root=str(tmp_path), split=REST, test_per_class=counts, normalize=Normalize.unit_256
    )
    splits = load_dataset(config, 0).splits
    labels = octmnist_arrays["test_labels"][:, 0]
    seen, kept = [0] * 4, []
    for place, label in enumerate(labels.tolist()):
        if seen[label] < counts[label]:
            kept.append(place)
        seen[label] += 1
    assert splits["test"].targets.tolist() == labels[kept].tolist()
    expected = octmnist_arrays["test_images"][kept, None] / np.float32(256)
    np.testing.assert_array_equal(splits["test"].inputs, expected)
    assert (len(splits["train"]), len(splits["val"])) == (16, 8)


def test_counts_follow_the_kept_classes(write_npz: Write) -> None:
    path = write_npz(**arrays(train=12, test=12))
    split = SplitConfig(train=None, val=0, test=None)
    config = NPZConfig(
        path=path, classes=[2, 0], test_per_class=[1, 3], normalize=Normalize.none, split=split
    )
    test = load_dataset(config, 0).splits["test"]
    assert test.targets.tolist() == [1, 0, 1, 1]
    assert test.inputs[:, 0].tolist() == [0.5, 2.5, 3.5, 6.5]


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        (
            [1, 1, 5],
            r"^data.test_per_class must be at most 2, 2, 2 \(samples of each class in .*, got 1, 1, 5$",
        ),
        (
            [1, 1],
            r"^data.test_per_class must hold one count for each class, but .* has a class 2 and there ar",
        ),
    ],
)
def test_counts_that_the_file_cannot_give(write_npz: Write, counts: list[int], message: str) -> None:
    config = NPZConfig(path=write_npz(**arrays(train=12, test=6)), test_per_class=counts)
    with pytest.raises(DataError, match=message):
        load_dataset(config, 0)


def test_a_file_without_a_test_set(write_npz: Write) -> None:
    path = write_npz(**arrays(train=12))
    with pytest.raises(
        DataError, match=r"^data.split.val_from_test needs a test set, .*data.npz brings none$"
    ):
        load_dataset(NPZConfig(path=path, split=SplitConfig(val_from_test=True)), 0)
    with pytest.raises(DataError, match=r"^data.test_per_class needs a test set, .*data.npz brings none$"):
        load_dataset(NPZConfig(path=path, test_per_class=[1, 1, 1]), 0)


def test_a_file_with_a_validation_split_too(write_npz: Write) -> None:
    path = write_npz(**arrays(train=12, val=6, test=6))
    with pytest.raises(
        DataError, match=r"^data.split.val_from_test must be false, because .* validation split "
    ):
        load_dataset(NPZConfig(path=path, split=SplitConfig(val_from_test=True)), 0)


def test_a_permutation_gives_a_development_split_and_one_scale(mnist_root: Path) -> None:
    split = SplitConfig(train=30, val=10, test=None)
    config = MNISTConfig(root=str(mnist_root), split=split, normalize=Normalize.standardize)
    dataset = load_dataset(config, 0)
    train, dev = dataset.splits["train"].inputs, dataset.splits["val"].inputs
    assert (len(train), len(dev)) == (30, 10)
    assert float(train.mean()) == pytest.approx(0, abs=1e-6)
    assert float(train.std(correction=0)) == pytest.approx(1, abs=1e-6)
    assert dataset.normalization.shift.shape == ()
    everything = {*map(bytes, train.numpy()), *map(bytes, dev.numpy())}
    assert len(everything) == 40
