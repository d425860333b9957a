"""The named random streams."""

from typing import get_args

import pytest
import torch

from dlhw.random import Stream, generator


def numbers(seed: int, stream: Stream, *counters: int) -> list[float]:
    return torch.rand(4, generator=generator(seed, stream, *counters)).tolist()


@pytest.mark.parametrize("seed", [0, 1, 2**63 - 1])
def test_the_same_arguments_give_the_same_numbers(seed: int) -> None:
    assert numbers(seed, "dropout", 3, 4) == numbers(seed, "dropout", 3, 4)


def test_seeds_streams_and_counters_all_make_a_difference() -> None:
    streams: tuple[Stream, ...] = get_args(Stream)
    counters = [(), (0,), (1,), (1, 1), (11,), (1, 11), (11, 1)]
    drawn = [numbers(s, stream, *c) for s in (0, 1, 2**63 - 1) for stream in streams for c in counters]
    assert len({tuple(row) for row in drawn}) == 3 * len(streams) * 7


@pytest.mark.parametrize("seed", [-1, 2**63])
def test_other_seeds_never_get_here(seed: int) -> None:
    with pytest.raises(AssertionError):
        generator(seed, "split")
