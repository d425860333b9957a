"""What identifies a split: a hash of its samples, and how many of them are training samples too."""

import hashlib
from collections.abc import Mapping

import numpy as np

from dlhw.data.raw import RawData
from dlhw.data.split import SampleSelection


def digest(split: SampleSelection, inputs: np.ndarray, raw: RawData, randomisation: str) -> str:
    """SHA-256 of the samples of a split: their indices in the source, inputs, targets and randomisation.

    Args:
        split: the samples.
        inputs: of the samples, (n, *input_shape), not scaled.
        raw: the source.
        randomisation: of the inputs, with its seed; empty if there is none.

    Returns:
        64 hex digits, the same on every machine.
    """
    source = next((name for name, own in raw.own.items() if own is split.raw), "pool")
    checksum = hashlib.sha256(source.encode())
    checksum.update(split.indices.astype("<i8").tobytes())
    for array in (split.targets, inputs):
        little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
        checksum.update(f"{little.dtype.str} {little.shape}".encode())
        checksum.update(little.data)
    checksum.update(randomisation.encode())
    return checksum.hexdigest()


def count_in_training(inputs: Mapping[str, np.ndarray]) -> dict[str, int]:
    """Number of samples of each split but `train` whose inputs are those of a training sample, bit by bit.

    Args:
        inputs: name of the split -> its inputs (n, *input_shape), not scaled.

    Returns:
        Name of the split -> count; targets are ignored.

    >>> count_in_training({"train": np.array([[1.0], [2.0]]), "val": np.array([[2.0], [3.0]])})
    {'val': 1}
    """
    train = inputs["train"]
    return {name: _count_shared(train, other) for name, other in inputs.items() if name != "train"}


def _count_shared(train: np.ndarray, other: np.ndarray) -> int:
    """Number of rows of `other` that are rows of `train`."""
    common = np.result_type(train, other)
    train_NB, other_NB = _words(train.astype(common, copy=False)), _words(other.astype(common, copy=False))
    weights = np.random.default_rng(0).integers(2**63, size=train_NB.shape[1], dtype=np.uint64)
    # Equal rows have equal sums (modulo 2**64) and few others do, so few rows need to be compared.
    train_sums, other_sums = train_NB @ weights, other_NB @ weights
    known = {row.tobytes() for row in train_NB[np.isin(train_sums, other_sums)]}
    return sum(row.tobytes() in known for row in other_NB[np.isin(other_sums, train_sums)])


def _words(inputs: np.ndarray) -> np.ndarray:
    """The bytes of each sample as unsigned 64-bit integers, the last one padded with zeros."""
    bytes_NB = np.ascontiguousarray(inputs).reshape(len(inputs), -1).view(np.uint8)
    missing = -bytes_NB.shape[1] % 8
    return (np.pad(bytes_NB, ((0, 0), (0, missing))) if missing else bytes_NB).view(np.uint64)
