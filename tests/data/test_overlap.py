"""Samples of other splits that stand in the training split are counted, to the bit."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlhw.config.data import NPZConfig, SplitConfig
from dlhw.data import load_dataset
from dlhw.data.fingerprint import count_in_training


@given(
    seed=st.integers(0, 2**32 - 1),
    shape=st.sampled_from([(1,), (3,), (8,), (2, 3, 3)]),
    dtype=st.sampled_from(["uint8", "float32", "float64"]),
    values=st.integers(1, 4),
)
def test_as_many_as_one_finds_by_looking_at_each(
    seed: int, shape: tuple[int, ...], dtype: str, values: int
) -> None:
    random = np.random.default_rng(seed)
    # 64 apart: the sums of whole numbers and of float's exponents differ in few and high bits
    train, val, test = (
        (64 * random.integers(0, values, (count, *shape))).astype(dtype) for count in (30, 7, 9)
    )
    known = {row.tobytes() for row in train}
    expected = {
        name: sum(row.tobytes() in known for row in inputs) for name, inputs in (("val", val), ("test", test))
    }
    assert count_in_training({"train": train, "val": val, "test": test}) == expected


def test_a_split_of_another_dtype() -> None:
    train, test = np.arange(8, dtype=np.uint8).reshape(4, 2), np.array([[0.0, 1.0], [0.0, 1.5]])
    assert count_in_training({"train": train, "test": test}) == {"test": 1}


@pytest.mark.parametrize("copies", [0, 3])
def test_test_samples_copied_into_the_training_split(copies: int, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    arrays: dict[str, np.ndarray] = {
        f"{split}_x": random.normal(size=(20, 3)) for split in ("train", "val", "test")
    }
    arrays |= {f"{split}_y": np.arange(20) % 2 for split in ("train", "val", "test")}
    arrays["train_x"][:copies] = arrays["test_x"][5 : 5 + copies]
    np.savez(tmp_path / "data.npz", allow_pickle=False, **arrays)
    config = NPZConfig(path=str(tmp_path / "data.npz"), split=SplitConfig(train=None, val=None, test=None))
    assert load_dataset(config, 0).in_training == {"val": 0, "test": copies}
