"""Named random streams: a change in the use of one stream does not change the numbers of the others."""

from hashlib import blake2b
from typing import Literal, get_args

import torch

Stream = Literal["split", "init", "order", "dropout", "samples", "inputs", "corruption", "graph"]


def generator(seed: int, stream: Stream, *counters: int) -> torch.Generator:
    """A fresh CPU generator for one stream of one seed.

    The arguments are hashed, so neighbouring seeds, streams and counters are unrelated. Draws are made on
    the CPU and moved, so that every device sees the same numbers. torch's CPU generator (mt19937) keeps 32
    bits of a seed, hence two different inputs share a sequence with probability 2**-32.

    Args:
        seed: from 0 to 2**63 - 1; 0 is a seed like any other.
        stream: purpose of the numbers.
        counters: an epoch, a step, a layer: anything that needs its own numbers.

    Returns:
        A generator in its initial state; the same arguments always give the same numbers.

    >>> def draw(*arguments):
    ...     return torch.rand(1, generator=generator(*arguments)).item()
    >>> draw(0, "order", 1) == draw(0, "order", 1)
    True
    >>> len({draw(0, "order"), draw(2**63 - 1, "order"), draw(0, "init"), draw(0, "order", 0)})
    4
    """
    assert 0 <= seed < 2**63, seed
    assert stream in get_args(Stream), stream
    text = "/".join(map(str, (seed, stream, *counters)))
    digest = blake2b(text.encode(), digest_size=8).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest, "little"))
