"""Data from CSV files: a header line, numeric features, and one target, which may be text."""

import csv
import math
import sys
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TextIO

import numpy as np

from dlhw.config.data import CSVConfig, Task
from dlhw.data.checks import to_labels
from dlhw.data.formats import reading, shown
from dlhw.data.raw import RawData, RawSplit, SourceLocation
from dlhw.errors import DataError, did_you_mean

MAX_LINE = 1 << 24  # characters
MAX_NAMED_CLASSES = 1000
NAMED_REMEDY = ": targets that are text are classes, with data.task=classification"


@dataclass(frozen=True)
class CSVTable:
    """Content of a file: numbers, and targets that may be text."""

    path: Path
    columns: list[str]
    """names of all columns"""
    target: str
    """name of the target's column"""
    inputs_NI: np.ndarray
    targets: list[str]
    lines_N: np.ndarray
    """line number of each row"""

    @property
    def location(self) -> SourceLocation:
        """Location of the targets."""
        return SourceLocation(self.path, shown([self.target]), self.lines_N)

    def has_text(self) -> bool:
        """Whether the first target is text; then all must be."""
        return bool(self.targets[0]) and not _is_real(self.targets[0])


def load_csv(config: CSVConfig) -> RawData:
    """Read the files of `data.train`, `data.val` and `data.test`.

    Raises:
        DataError: names the file, line, column and value that cannot be used.
    """
    files = config.files()
    train = read_table(files.pop("train"), config.target)
    if config.num_train not in (None, len(train.targets)):
        raise DataError(
            f"data.num_train must be the number of rows of {train.path}, {len(train.targets)}, "
            f"got {config.num_train}"
        )
    own = {split: read_table(path, config.target) for split, path in files.items()}
    for table in own.values():
        _check_same_columns(train, table)
    task = config.task_kind()
    names = _class_names(train, own) if task is Task.classification and train.has_text() else None
    splits = {split: _as_split(table, task, names) for split, table in own.items()}
    return RawData(_as_split(train, task, names), splits, class_names=names)


def _class_names(train: CSVTable, own: Mapping[str, CSVTable]) -> list[str]:
    """The distinct texts of the targets, sorted; each is a class. The test split does not count."""
    tables = [train, *(table for split, table in own.items() if split != "test")]
    names = sorted({name for table in tables for name in table.targets})
    if len(names) > MAX_NAMED_CLASSES:
        raise DataError(
            f"{train.path}, column {shown([train.target])} has {len(names)} different texts, too many to be "
            f"classes (at most {MAX_NAMED_CLASSES}): name another column with data.target"
        )
    return names


def read_table(path: Path, target: str | None = None) -> CSVTable:
    """Read one file with a header: numbers, and a target that may be text; blank lines are skipped.

    Args:
        path: of the file.
        target: name of the target column; None: the last.

    Raises:
        DataError: the file cannot be read, has no rows, or a feature is not a finite number.
    """
    numbers, lines, targets = array("d"), array("q"), []
    with reading(path), path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.reader(_lines(file, path))
        columns = _read_header(reader, path)
        column = _target_column(columns, target, path)
        features = [*columns[:column], *columns[column + 1 :]]
        for row in reader:
            if len(row) > 1 or any(field.strip() for field in row):
                where = f"{path}, line {reader.line_num}"
                _check_width(row, columns, where)
                targets.append(sys.intern(row.pop(column).strip()))
                numbers.extend(_numbers(row, features, where))
                lines.append(reader.line_num)
    if not lines:
        raise DataError(f"{path} has a header but no rows")
    inputs_NI = np.array(numbers, dtype=np.float64).reshape(-1, len(features))
    return CSVTable(path, columns, columns[column], inputs_NI, targets, np.array(lines, dtype=np.int64))


def _target_column(columns: list[str], target: str | None, path: Path) -> int:
    name = columns[-1] if target is None else target
    if name not in columns:
        raise DataError(
            f"data.target must be a column of {path} ({shown(columns)}), got {name!r}"
            + did_you_mean(name, columns)
        )
    return columns.index(name)


def _lines(file: TextIO, path: Path) -> Iterator[str]:
    """The lines of a file, with a limit on their length: a file of zeros is a single line."""
    while line := file.readline(MAX_LINE):
        if len(line) == MAX_LINE:
            raise DataError(f"{path} is damaged: one of its lines has {MAX_LINE} characters or more")
        yield line


def _read_header(rows: Iterator[list[str]], path: Path) -> list[str]:
    columns = [name.strip() for name in next(rows, [])]
    if not any(columns):
        raise DataError(f"{path} must start with a header line, but " + _what_instead(rows))
    if all(_is_number(name) for name in columns):
        raise DataError(
            f"{path} must start with a header line of column names, got numbers: {shown(columns)}"
        )
    if len(columns) < 2:
        raise DataError(f"{path} must have a feature and a target column, got only {shown(columns)!r}")
    duplicates = sorted(name for name, count in Counter(columns).items() if count > 1)
    if duplicates:
        raise DataError(f"{path} has more than one column {shown(duplicates[:1])!r}")
    return columns


def _what_instead(rows: Iterator[list[str]]) -> str:
    return "is empty" if not any(chain.from_iterable(rows)) else "its first line is blank"


def _check_width(row: list[str], columns: list[str], where: str) -> None:
    if len(row) != len(columns):
        raise DataError(f"{where} must have {len(columns)} fields like the header, got {len(row)}")


def _numbers(row: list[str], columns: list[str], where: str) -> list[float]:
    # Python accepts 1_000 as a number, but no data file means it as one.
    if "_" not in "".join(row):
        with suppress(ValueError):
            numbers = [float(field) for field in row]
            if all(map(math.isfinite, numbers)):
                return numbers
    name, value = next(pair for pair in zip(columns, row, strict=True) if not _is_number(pair[1]))
    raise DataError(
        f"{where}, column {shown([name])} must be a finite number, got {value[:40]!r}{_remedy(value)}"
    )


def _remedy(value: str) -> str:
    """How to fix a feature that is not a number, as the end of a sentence."""
    if not value.strip():
        return ": fill in what is missing, or leave the row out"
    if _is_real(value) or "_" in value:
        return ""
    return ": turn a column of text into numbers (a column of 0 and 1 for each value), or leave it out"


def _is_number(field: str) -> bool:
    try:
        return math.isfinite(float(field)) and "_" not in field
    except ValueError:
        return False


def _is_real(field: str) -> bool:
    """Whether a field is a number for Python, `nan` and `inf` included."""
    try:
        float(field)
    except ValueError:
        return False
    return True


def _check_same_columns(train: CSVTable, table: CSVTable) -> None:
    if table.columns != train.columns:
        raise DataError(
            f"{table.path} must have the columns of {train.path} ({shown(train.columns)}), "
            f"got {shown(table.columns)}"
        )


def _as_split(table: CSVTable, task: Task, names: Sequence[str] | None) -> RawSplit:
    targets_N = _named(table, names) if names is not None else _numeric(table, task)
    return RawSplit(table.inputs_NI, targets_N, table.location)


def _named(table: CSVTable, names: Sequence[str]) -> np.ndarray:
    """Label of each text: its index among the names of the classes."""
    labels = {name: label for label, name in enumerate(names)}
    for index, text in enumerate(table.targets):
        if text not in labels or _is_number(text):
            what = "a class of the training data" if text not in labels else "text as the other targets are"
            raise DataError(f"{table.location.at(index)} must be {what} ({shown(names)}), got {text[:40]!r}")
    return np.array([labels[text] for text in table.targets], dtype=np.int64)


def _numeric(table: CSVTable, task: Task) -> np.ndarray:
    for index, text in enumerate(table.targets):
        if not _is_number(text):
            remedy = "" if task is Task.classification or _is_real(text) else NAMED_REMEDY
            raise DataError(f"{table.location.at(index)} must be a finite number, got {text[:40]!r}{remedy}")
    targets_N = np.array(list(map(float, table.targets)))
    return to_labels(targets_N, table.location) if task is Task.classification else targets_N
