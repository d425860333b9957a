"""What identifies a split: a hash of its samples, and how many of them are training samples too."""

import hashlib
from collections.abc import Mapping

import numpy as np

from dlhw.data.raw import RawData
from dlhw.data.split import SampleSelection


def digest(split: SampleSelection, inputs: np.ndarray, raw: RawData, done: str) -> str:
    """SHA-256 of which samples of the source a split holds, in their order, of them, and of what was done.

    Args:
        split: the samples.
        inputs: theirs, (n, *input_shape), as the source has them: not scaled.
        raw: the source.
        done: what is done to the inputs at random, with its seed; empty for nothing.

    Returns:
        64 hex digits, the same on every machine.
    """
    source = next((name for name, own in raw.own.items() if own is split.raw), "pool")
    found = hashlib.sha256(source.encode())
    found.update(split.indices.astype("<i8").tobytes())
    for array in (split.targets, inputs):
        little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
        found.update(f"{little.dtype.str} {little.shape}".encode())
        found.update(little.data)
    found.update(done.encode())
    return found.hexdigest()


def count_in_training(inputs: Mapping[str, np.ndarray]) -> dict[str, int]:
    """How many samples of each split but `train` have the inputs of a training sample, to the bit.

    Args:
        inputs: name of the split -> its inputs (n, *input_shape), as the source has them: not scaled.

    Returns:
        Name of the split -> count; targets do not matter.
    """
    train = inputs["train"]
    return {name: _count_shared(train, each) for name, each in inputs.items() if name != "train"}


def _count_shared(train: np.ndarray, other: np.ndarray) -> int:
    """How many rows of `other` are rows of `train`."""
    common = np.result_type(train, other)
    ours, theirs = _words(train.astype(common, copy=False)), _words(other.astype(common, copy=False))
    weights = np.random.default_rng(0).integers(2**63, size=ours.shape[1], dtype=np.uint64)
    # Equal rows have equal sums (modulo 2**64) and few others do, so few rows need to be compared.
    our_sums, their_sums = ours @ weights, theirs @ weights
    known = {row.tobytes() for row in ours[np.isin(our_sums, their_sums)]}
    return sum(row.tobytes() in known for row in theirs[np.isin(their_sums, our_sums)])


def _words(inputs: np.ndarray) -> np.ndarray:
    """The bytes of each sample as unsigned integers of 8 bytes, the last one filled up with zeros."""
    bytes_NB = np.ascontiguousarray(inputs).reshape(len(inputs), -1).view(np.uint8)
    missing = -bytes_NB.shape[1] % 8
    return (np.pad(bytes_NB, ((0, 0), (0, missing))) if missing else bytes_NB).view(np.uint64)
