"""OctMNIST, with a little file of the same form."""

from pathlib import Path

import numpy as np
import pytest

from dlhw.config.data import OctMNISTConfig, SplitConfig
from dlhw.data import load_dataset
from dlhw.errors import DataError

Arrays = dict[str, np.ndarray]
REST = SplitConfig(train=None, val=None, test=None)


def config(folder: Path, **changes: object) -> OctMNISTConfig:
    return OctMNISTConfig(root=str(folder), **({"split": REST, "download": False} | changes))  # type: ignore[arg-type]


def test_its_own_splits(tmp_path: Path, octmnist_arrays: Arrays) -> None:
    np.savez(tmp_path / "octmnist.npz", **octmnist_arrays)  # type: ignore[arg-type]
    dataset = load_dataset(config(tmp_path), 0)
    assert {name: len(split) for name, split in dataset.splits.items()} == {"train": 16, "val": 8, "test": 12}
    assert dataset.input_shape == (1, 28, 28)
    assert dataset.class_names[3] == "normal"
    assert 0.9 < float(dataset.splits["test"].inputs.max()) <= 1


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        (
            "val_images",
            np.zeros((8, 28, 28)),
            r"array val_images must hold 28x28 images of uint8, got .* float64$",
        ),
        ("val_images", np.zeros((8, 14, 14), np.uint8), r"val_images must hold 28x28 images .*\(8, 14, 14\)"),
        (
            "test_labels",
            np.zeros(3, int),
            r"test_labels must hold one label for each of the 12 images, got .*\(3,\)",
        ),
        ("test_labels", np.full((12, 1), 4), r"array test_labels, index 0 must be .* from 0 to 3, got 4$"),
    ],
)
def test_another_form(
    tmp_path: Path, octmnist_arrays: Arrays, name: str, array: np.ndarray, message: str
) -> None:
    np.savez(tmp_path / "octmnist.npz", **(octmnist_arrays | {name: array}))  # type: ignore[arg-type]
    with pytest.raises(DataError, match=message):
        load_dataset(config(tmp_path), 0)


def test_a_missing_array(tmp_path: Path, octmnist_arrays: Arrays) -> None:
    del octmnist_arrays["val_labels"]
    np.savez(tmp_path / "octmnist.npz", **octmnist_arrays)  # type: ignore[arg-type]
    with pytest.raises(
        DataError, match=r"must hold the arrays val_labels, it holds train_images, train_labels"
    ):
        load_dataset(config(tmp_path), 0)


def test_a_missing_file(tmp_path: Path) -> None:
    message = r"octmnist.npz is missing in .*: put it there, .*DLHW_DATA_DIR.*, or set data.download=true$"
    with pytest.raises(DataError, match=message):
        load_dataset(config(tmp_path), 0)


def test_a_mirror_with_another_file(tmp_path: Path, server: tuple[str, Path]) -> None:
    url, folder = server
    (folder / "octmnist.npz").write_bytes(b"something else")
    message = (
        r"could not be fetched \(.*octmnist.npz: MD5 is \w{32}, must be c68d92d5b585d8d81f7112f81e2d0842\)"
    )
    with pytest.raises(DataError, match=message):
        load_dataset(config(tmp_path / "new", download=True, mirror=url), 0)
    assert not (tmp_path / "new").exists()
