"""What tells one part of a data set from another: a hash of its samples."""

import hashlib

import numpy as np

from dlhw.data.raw import RawData
from dlhw.data.select import Selection


def digest(part: Selection, inputs: np.ndarray, raw: RawData, done: str) -> str:
    """SHA-256 of which samples of the source a part holds, in their order, of them, and of what was done.

    Args:
        part: the samples.
        inputs: theirs, (n, *input_shape), as the source has them: not scaled.
        raw: the source.
        done: what is done to the inputs at random, with its seed; empty for nothing.

    Returns:
        64 hex digits, the same on every machine.
    """
    source = next((name for name, own in raw.own.items() if own is part.raw), "pool")
    found = hashlib.sha256(source.encode())
    found.update(part.indices.astype("<i8").tobytes())
    for array in (part.targets, inputs):
        little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
        found.update(f"{little.dtype.str} {little.shape}".encode())
        found.update(little.data)
    found.update(done.encode())
    return found.hexdigest()
