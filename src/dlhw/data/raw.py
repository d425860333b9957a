"""Raw samples, as a source has them: not scaled, not selected."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class SourceLocation:
    """Where the targets of a split are stored, for error messages."""

    file: str | Path
    array: str = ""
    """array of an archive, or column of a table"""
    lines: np.ndarray | None = None
    """line number of each sample, for text files"""

    def at(self, index: int) -> str:
        """Name one target.

        >>> SourceLocation("labels.npz", "y").at(3)
        'labels.npz, array y, index 3'
        >>> SourceLocation("train.csv", "price", np.array([2, 3, 5])).at(2)
        'train.csv, line 5, column price'
        """
        if self.lines is not None:
            return f"{self.file}, line {self.lines[index]}, column {self.array}"
        array = f", array {self.array}" if self.array else ""
        return f"{self.file}{array}, index {index}"


@dataclass(frozen=True)
class RawSplit:
    """Samples of one file, unscaled; images stay uint8 so that they take an eighth of the memory."""

    inputs: np.ndarray
    """(n, *input_shape), uint8, float32 or float64"""
    targets: np.ndarray
    """(n,): int64 labels, or float64 numbers for regression"""
    location: SourceLocation

    def __len__(self) -> int:
        return len(self.targets)


@dataclass(frozen=True)
class RawData:
    """All samples of a source."""

    pool: RawSplit
    """the samples that training, and usually validation, are cut from"""
    own: Mapping[str, RawSplit] = field(default_factory=dict)
    """the source's own "val" and "test" splits, if it has them"""
    max_value: float | None = None
    """largest possible input, the smallest being 0; None if the range is not known beforehand"""
    class_names: list[str] | None = None
    """names of the classes; None names them by their number"""
    is_generated: bool = False
    """whether the samples were generated instead of read, so that no file identifies them"""

    def splits(self) -> list[RawSplit]:
        """The pool and the source's own splits."""
        return [self.pool, *self.own.values()]

    @property
    def input_shape(self) -> tuple[int, ...]:
        return self.pool.inputs.shape[1:]
