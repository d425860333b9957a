"""Streams do not disturb one another (equality and difference of numbers: tests/data/test_streams.py)."""

from typing import get_args

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dlhw.random import Stream, generator

seeds = st.integers(0, 2**63 - 1)
streams = st.sampled_from(get_args(Stream))
counters = st.lists(st.integers(0, 2**40), max_size=3)


def draw(seed: int, stream: Stream, *counters: int) -> list[float]:
    return torch.rand(3, generator=generator(seed, stream, *counters), dtype=torch.float64).tolist()


@given(seed=seeds, stream=streams, counters=counters)
def test_numbers_follow_from_the_arguments_alone(seed: int, stream: Stream, counters: list[int]) -> None:
    first = draw(seed, stream, *counters)
    torch.rand(5)
    draw(seed, stream, *counters, 0)
    assert draw(seed, stream, *counters) == first


@given(one=st.tuples(seeds, streams, counters), other=st.tuples(seeds, streams, counters))
def test_different_arguments_give_different_numbers(
    one: tuple[int, Stream, list[int]], other: tuple[int, Stream, list[int]]
) -> None:
    (seed, stream, counts), (other_seed, other_stream, other_counts) = one, other
    same = draw(seed, stream, *counts) == draw(other_seed, other_stream, *other_counts)
    assert same == (one == other)


@pytest.mark.parametrize("stream", get_args(Stream))
def test_the_global_generator_is_left_alone(stream: Stream) -> None:
    before = torch.random.get_rng_state()
    draw(0, stream, 1)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_seeds_of_streams_stay_as_they_were_in_earlier_releases() -> None:
    assert generator(0, "init", 1).initial_seed() == 3450948258433777052


@pytest.mark.parametrize("stream", ["", "noise", "Init"])
def test_a_stream_of_another_name_never_gets_here(stream: Stream) -> None:
    with pytest.raises(AssertionError):
        generator(0, stream)
