"""MNIST and Fashion-MNIST."""

import gzip
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from dlhw.config.data import FashionMNISTConfig, IdxImagesConfig, MNISTConfig, Normalize, Order, SplitConfig
from dlhw.data import load_dataset
from dlhw.errors import DataError

SPLIT = SplitConfig(train=None, val=20, test=None, order=Order.sequential)
BOTH = pytest.mark.parametrize("kind", [MNISTConfig, FashionMNISTConfig])


@BOTH
def test_splits(mnist_root: Path, kind: type[IdxImagesConfig]) -> None:
    dataset = load_dataset(kind(root=str(mnist_root), split=SPLIT, download=False), None)
    assert {name: tuple(split.inputs.shape) for name, split in dataset.splits.items()} == {
        "train": (20, 1, 28, 28),
        "val": (20, 1, 28, 28),
        "test": (20, 1, 28, 28),
    }
    assert dataset.input_shape == (1, 28, 28)
    assert dataset.num_classes == 10
    assert dataset.class_names[0] == ("0" if kind is MNISTConfig else "T-shirt/top")
    assert dataset.splits["train"].targets.dtype == torch.int64


def test_the_official_test_set_reaches_no_other_split(
    mnist_root: Path, idx_bytes: Callable[[np.ndarray], bytes]
) -> None:
    raw = mnist_root / "MNIST" / "raw"
    for prefix, value, count in (("train", 10, 40), ("t10k", 200, 20)):
        images = np.full((count, 28, 28), value, dtype=np.uint8)
        (raw / f"{prefix}-images-idx3-ubyte").write_bytes(idx_bytes(images))
    split = SplitConfig(train=None, val=0.25, test=None)
    config = MNISTConfig(root=str(mnist_root), split=split, normalize=Normalize.none)
    splits = load_dataset(config, 3).splits
    assert splits["train"].inputs.unique().tolist() == splits["val"].inputs.unique().tolist() == [10]
    assert splits["test"].inputs.unique().tolist() == [200]


def test_gzipped_files_do_as_well(mnist_root: Path) -> None:
    config = MNISTConfig(root=str(mnist_root), split=SPLIT, download=False)
    plain = load_dataset(config, None)
    for path in list((mnist_root / "MNIST" / "raw").iterdir()):
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    packed = load_dataset(config, None)
    assert torch.equal(plain.splits["train"].inputs, packed.splits["train"].inputs)
    assert plain.hashes == packed.hashes


def install(folder: Path, files: dict[str, bytes]) -> Path:
    """Put gzipped files where Debian's package has them, below /usr/share."""
    installed = folder / "datasets" / "fashion-mnist"
    installed.mkdir(parents=True)
    for name, content in files.items():
        (installed / f"{name}.gz").write_bytes(gzip.compress(content))
    return installed


def fashion(root: Path) -> FashionMNISTConfig:
    return FashionMNISTConfig(root=str(root), split=SPLIT, download=False)


def test_other_files_in_the_place_of_fashion_mnist_are_refused(
    tmp_path: Path, mnist_files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = install(tmp_path, mnist_files)
    monkeypatch.setenv("XDG_DATA_DIRS", f"relative:{tmp_path}")
    message = rf"^{installed}/train-images-idx3-ubyte.gz is not the published file: the MD5 of its content is"
    with pytest.raises(DataError, match=message):
        load_dataset(fashion(tmp_path / "nowhere"), None)


def test_files_of_ones_own_go_before_installed_ones(
    mnist_root: Path, mnist_files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    install(mnist_root, mnist_files)
    monkeypatch.setenv("XDG_DATA_DIRS", str(mnist_root))
    assert len(load_dataset(fashion(mnist_root), None).splits["test"]) == 20


@pytest.mark.skipif(
    not Path("/usr/share/datasets/fashion-mnist").is_dir(),
    reason="Debian's package dataset-fashion-mnist is not installed",
)
def test_the_installed_fashion_mnist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_DATA_DIRS", raising=False)
    splits = load_dataset(fashion(tmp_path), None).splits
    assert {name: len(split) for name, split in splits.items()} == {"train": 59980, "val": 20, "test": 10000}
    assert splits["test"].targets.bincount().tolist() == [1000] * 10


def test_label_out_of_range(mnist_root: Path, idx_bytes: Callable[[np.ndarray], bytes]) -> None:
    labels = np.arange(40) % 10
    labels[7] = 11
    (mnist_root / "MNIST/raw/train-labels-idx1-ubyte").write_bytes(idx_bytes(labels))
    message = r"train-labels-idx1-ubyte, index 7 must be a class label from 0 to 9, got 11$"
    with pytest.raises(DataError, match=message):
        load_dataset(MNISTConfig(root=str(mnist_root), split=SPLIT), None)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((40, 32, 32), r"train-images-idx3-ubyte must hold 28x28 images, got 32x32$"),
        ((39, 28, 28), r"holds 39 images, but .*train-labels-idx1-ubyte 40 labels$"),
        ((41, 28, 28), r"holds 41 images, but .* 40 labels$"),
    ],
)
def test_wrong_shapes(
    mnist_root: Path, idx_bytes: Callable[[np.ndarray], bytes], shape: tuple[int, ...], message: str
) -> None:
    (mnist_root / "MNIST/raw/train-images-idx3-ubyte").write_bytes(idx_bytes(np.zeros(shape)))
    with pytest.raises(DataError, match=message):
        load_dataset(MNISTConfig(root=str(mnist_root), split=SPLIT), None)


@pytest.mark.mnist
@pytest.mark.skipif("DLHW_DATA_DIR" not in os.environ, reason="DLHW_DATA_DIR is not set: no real MNIST")
class TestRealMNIST:
    """Counts that can be had from the published files only."""

    def load(self, **changes: object) -> dict[str, torch.Tensor]:
        fields = {"root": os.environ["DLHW_DATA_DIR"], "split": SPLIT, "download": False} | changes
        dataset = load_dataset(MNISTConfig(**fields), None)  # type: ignore[arg-type]
        return {name: split.targets for name, split in dataset.splits.items()}

    def test_two_classes_with_the_test_set_for_validation(self) -> None:
        """tdt4265's splits: 4,005 for training and 2,042 for validation."""
        split = SplitConfig(val_from_test=True, order=Order.sequential)
        targets = self.load(limit=20000, classes=[3, 2], split=split)
        assert {name: len(labels) for name, labels in targets.items()} == {"train": 4005, "val": 2042}

    def test_two_classes_of_the_first_20000(self) -> None:
        split = SplitConfig(train=None, val=0.1, test=None, order=Order.sequential)
        targets = self.load(limit=20000, classes=[3, 2], split=split)
        assert len(targets["train"]) + len(targets["val"]) == 4005
        assert len(targets["test"]) == 2042
        # The test set has 1,010 threes and 1,032 twos.
        assert targets["test"].bincount().tolist() == [1010, 1032]

    def test_sizes_and_class_counts(self) -> None:
        targets = self.load(split=SplitConfig(train=None, val=12000, test=None, order=Order.sequential))
        assert {name: len(labels) for name, labels in targets.items()} == {
            "train": 48000,
            "val": 12000,
            "test": 10000,
        }
        assert targets["test"].bincount().tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
