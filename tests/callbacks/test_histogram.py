import pytest
import torch

from dlhw.callbacks.histogram import BINS, histogram


def test_every_number_is_counted_once() -> None:
    values = torch.randn(1000, generator=torch.Generator().manual_seed(0))
    seen = histogram(values)
    assert seen is not None
    assert sum(seen.counts) == seen.num == 1000
    assert len(seen.counts) == len(seen.limits) == BINS
    assert (seen.min, seen.max) == (float(values.min()), float(values.max()))
    assert seen.sum == pytest.approx(float(values.double().sum()))
    assert seen.sum_squares == pytest.approx(float(values.double().square().sum()))


def test_equal_numbers_make_one_bin() -> None:
    seen = histogram(torch.zeros(3, 4))
    assert seen is not None
    assert (seen.limits, seen.counts) == ([0.0], [12])


def test_numbers_that_are_not_finite_are_left_out() -> None:
    seen = histogram(torch.tensor([float("nan"), 1.0, float("inf"), 2.0]))
    assert seen is not None
    assert (seen.num, seen.max) == (2, 2.0)


@pytest.mark.parametrize("values", [torch.zeros(0), torch.full((3,), float("nan"))])
def test_nothing_to_count(values: torch.Tensor) -> None:
    assert histogram(values) is None
