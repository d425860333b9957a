"""From config to tensors: what all sources have in common."""

import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from dlhw.config.data import DigitsConfig, Normalize, NPZConfig, Order, SplitConfig
from dlhw.data import load_dataset
from dlhw.errors import DataError

Write = Callable[..., str]
SEQUENTIAL = SplitConfig(train=None, val=300, test=300, order=Order.sequential)


def test_digits() -> None:
    dataset = load_dataset(DigitsConfig(split=SEQUENTIAL), None)
    published = load_digits()
    together = torch.cat([split.inputs for split in dataset.splits.values()])
    np.testing.assert_array_equal(together[:, 0], published.images / 16)
    assert (
        torch.cat([split.targets for split in dataset.splits.values()]).tolist() == published.target.tolist()
    )
    assert [len(split) for split in dataset.splits.values()] == [1197, 300, 300]
    assert dataset.input_shape == (1, 8, 8)
    assert dataset.class_names == [str(digit) for digit in range(10)]


@pytest.mark.parametrize("normalize", [kind for kind in Normalize if kind is not Normalize.unit_256])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_inputs_have_the_asked_dtype(normalize: Normalize, dtype: torch.dtype) -> None:
    for split in load_dataset(DigitsConfig(normalize=normalize), 0, dtype).splits.values():
        assert split.inputs.dtype == dtype
        assert split.inputs.isfinite().all()


def test_seeds() -> None:
    first, again, other = (load_dataset(DigitsConfig(), seed) for seed in (1, 1, 2))
    assert first.hashes == again.hashes
    assert torch.equal(first.splits["val"].inputs, again.splits["val"].inputs)
    assert not set(first.hashes.values()) & set(other.hashes.values())


def test_limit_comes_before_classes() -> None:
    split = SplitConfig(train=None, val=0, test=0, order=Order.sequential)
    dataset = load_dataset(DigitsConfig(limit=100, classes=[3, 2], split=split), None)
    labels = load_digits().target[:100]
    expected = [{3: 0, 2: 1}[label] for label in labels.tolist() if label in (2, 3)]
    assert dataset.splits["train"].targets.tolist() == expected
    assert (dataset.class_names, dataset.num_classes) == (["3", "2"], 2)


def test_statistics_come_from_training_alone(write_npz: Write) -> None:
    x = np.concatenate([np.arange(8.0), np.full(4, 1e6)])[:, None]
    path = write_npz(x=x, y=np.arange(12) % 2, test_x=-x, test_y=np.arange(12) % 2)
    split = SplitConfig(train=8, val=4, test=None, order=Order.sequential)
    config = NPZConfig(path=path, split=split, normalize=Normalize.standardize)
    normalization = load_dataset(config, None).normalization
    assert normalization.shift.tolist() == [3.5]
    assert normalization.scale.tolist() == [pytest.approx(np.arange(8).std())]


def test_raw_data_is_not_shared_with_tensors(write_npz: Write) -> None:
    path = write_npz(x=np.arange(8.0)[:, None], y=np.arange(8) % 2, val_x=np.ones((2, 1)), val_y=np.arange(2))
    config = NPZConfig(path=path, normalize=Normalize.none, split=SplitConfig(order=Order.sequential))
    load_dataset(config, None, torch.float64).splits["train"].inputs.zero_()
    assert load_dataset(config, None, torch.float64).splits["train"].inputs.sum() == 28


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            DigitsConfig(limit=1, split=SplitConfig(val=0)),
            r"^the training split .* holds only class 0 \(1 samples\)",
        ),
        (
            DigitsConfig(limit=1, classes=[5, 6]),
            r"^the training split \(from scikit-learn's digits\) is empty: check the file, data.classes and",
        ),
        (
            DigitsConfig(split=SplitConfig(train=None, val=1)),
            r"^the validation split .* holds only class \d \(1 samples\), and needs two or more: change",
        ),
        (DigitsConfig(split=SplitConfig(val=1797)), r"^data.split.train=null \(the rest\) must not be empty"),
        (
            DigitsConfig(split=SplitConfig(val=2000)),
            r"^data.split.val=2000 must fit .* 1797 samples, got 2000$",
        ),
    ],
)
def test_refused(config: DigitsConfig, message: str) -> None:
    with pytest.raises(DataError, match=message):
        load_dataset(config, 0)


def test_a_class_that_the_file_does_not_have(write_npz: Write) -> None:
    config = NPZConfig(path=write_npz(x=np.ones((4, 1)), y=np.arange(4) % 2), classes=[0, 5])
    with pytest.raises(DataError, match=r"^data.classes must hold labels from 0 to 1, got 5$"):
        load_dataset(config, 0)


def test_importing_loads_no_other_data_library() -> None:
    code = "import sys, dlhw.data; print([m for m in ('torchvision', 'sklearn', 'PIL') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
