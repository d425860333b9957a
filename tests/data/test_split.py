"""Splits, as properties."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dlhw.config.data import Order, SplitConfig
from dlhw.data.split import count_splits, split_indices
from dlhw.errors import DataError

SIZES = st.one_of(st.none(), st.integers(0, 30), st.floats(0, 1))
SPLITS = st.builds(
    SplitConfig, train=SIZES, val=SIZES, test=SIZES, order=st.sampled_from(list(Order))
).filter(lambda split: not list(split.problems()))


def split_or_refuse(num_samples: int, split: SplitConfig, seed: int = 0) -> dict[str, np.ndarray]:
    try:
        return split_indices(num_samples, split, seed)
    except DataError:
        assume(False)
        raise


@given(st.integers(1, 100), SPLITS, st.integers(0, 2**63 - 1))
def test_parts_are_disjoint_and_lie_in_the_pool(num_samples: int, split: SplitConfig, seed: int) -> None:
    together = np.concatenate(list(split_or_refuse(num_samples, split, seed).values()))
    assert len(set(together.tolist())) == len(together)
    assert set(together.tolist()) <= set(range(num_samples))


@given(st.integers(1, 100), SPLITS)
def test_splits_have_the_requested_sizes(num_samples: int, split: SplitConfig) -> None:
    indices = split_or_refuse(num_samples, split)
    for name in ("train", "val", "test"):
        size, count = getattr(split, name), len(indices.get(name, ()))
        if isinstance(size, float):
            assert abs(count - size * num_samples) <= 1
        elif size is not None:
            assert count == size


@given(st.integers(1, 100), SPLITS)
def test_a_rest_covers_the_pool(num_samples: int, split: SplitConfig) -> None:
    assume(None in (split.train, split.val, split.test))
    assert sum(map(len, split_or_refuse(num_samples, split).values())) == num_samples


@given(st.integers(10, 1000), st.integers(1, 98), st.integers(1, 98))
def test_fractions_that_sum_to_one_cover_the_pool(num_samples: int, first: int, second: int) -> None:
    assume(first + second < 100)
    split = SplitConfig(train=first / 100, val=second / 100, test=(100 - first - second) / 100)
    assert sum(map(len, split_or_refuse(num_samples, split).values())) == num_samples


@given(st.integers(0, 2**63 - 1))
def test_the_same_seed_gives_the_same_split(seed: int) -> None:
    first, second = (split_indices(50, SplitConfig(), seed) for _ in range(2))
    np.testing.assert_equal(first, second)


def test_another_seed_gives_another_split() -> None:
    first, second = (split_indices(50, SplitConfig(), seed) for seed in (0, 1))
    assert first["train"].tolist() != second["train"].tolist()


def test_sequential_keeps_the_order_of_the_file() -> None:
    split = SplitConfig(train=None, val=2, test=3, order=Order.sequential)
    splits = {name: indices.tolist() for name, indices in split_indices(9, split, None).items()}
    assert splits == {"train": [0, 1, 2, 3], "val": [4, 5], "test": [6, 7, 8]}


@pytest.mark.parametrize(
    ("split", "counts"),
    [
        (SplitConfig(train=None, val=0.1, test=0), (90, 10, 0)),
        (SplitConfig(train=None, val=10, test=None), (90, 10, 0)),
        (SplitConfig(train=50, val=None, test=None), (50, 50, 0)),
        (SplitConfig(train=50, val=20, test=None), (50, 20, 30)),
        (SplitConfig(train=100, val=0, test=None), (100, 0, 0)),
        (SplitConfig(train=0.7, val=0.1, test=0.2), (70, 10, 20)),
        (SplitConfig(train=1.0, val=0, test=0), (100, 0, 0)),
        (SplitConfig(train=1, val=1, test=0), (1, 1, 0)),
    ],
)
def test_counts(split: SplitConfig, counts: tuple[int, int, int]) -> None:
    assert tuple(count_splits(100, split).values()) == counts


@pytest.mark.parametrize(
    ("split", "message"),
    [
        (
            SplitConfig(train=80, val=0.3, test=5),
            r"^data.split.train=80, data.split.val=0.3, data.split.test=5 must fit into the training pool of "
            r"100 samples, got 115$",
        ),
        (SplitConfig(train=None, val=101), r"^data.split.val=101 must fit into .* 100 samples, got 101$"),
        (
            SplitConfig(train=None, val=60, test=40),
            r"^data.split.train=null \(the rest\) must not be empty, but the other splits take all 100 ",
        ),
        (
            SplitConfig(train=1.0, val=None, test=0),
            r"^data.split.val=null \(the rest\) must not be empty, .*: make them smaller$",
        ),
        (
            SplitConfig(train=None, val=0.001),
            r"^data.split.val=0.001 must not be empty, but it is of a training pool of 100 samples: make it",
        ),
    ],
)
def test_refused(split: SplitConfig, message: str) -> None:
    with pytest.raises(DataError, match=message):
        count_splits(100, split)
