"""A user's comma-separated files: a header line, numeric features, one target."""

import csv
import math
from array import array
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TextIO

import numpy as np

from dlhw.config.data import CSVConfig, Task
from dlhw.data.labels import to_labels
from dlhw.data.raw import Place, RawData, RawPart
from dlhw.data.reading import reading, shown
from dlhw.errors import DataError, did_you_mean

MAX_LINE = 1 << 24  # characters


@dataclass(frozen=True)
class Table:
    """A file's numbers."""

    path: Path
    columns: list[str]
    values_NI: np.ndarray
    lines_N: np.ndarray
    """line number of each row"""


def load_csv(config: CSVConfig) -> RawData:
    """Read the files of `data.train`, `data.val` and `data.test`.

    Raises:
        DataError: names the file, line, column and value that cannot be used.
    """
    files = config.files()
    train = read_table(files.pop("train"))
    if config.num_train not in (None, len(train.values_NI)):
        raise DataError(
            f"data.num_train must be the number of rows of {train.path}, {len(train.values_NI)}, "
            f"got {config.num_train}"
        )
    pool = _split_target(train, config)
    own = {}
    for split, path in files.items():
        table = read_table(path)
        _check_same_columns(train, table)
        own[split] = _split_target(table, config)
    return RawData(pool, own)


def read_table(path: Path) -> Table:
    """Read one file of numbers below a header; blank lines are passed over.

    Raises:
        DataError: the file cannot be read, has no rows, or a field is not a finite number.
    """
    numbers, lines = array("d"), array("q")
    with reading(path), path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.reader(_lines(file, path))
        columns = _read_header(reader, path)
        for row in reader:
            if len(row) > 1 or any(field.strip() for field in row):
                numbers.extend(_numbers(row, columns, f"{path}, line {reader.line_num}"))
                lines.append(reader.line_num)
    if not lines:
        raise DataError(f"{path} has a header but no rows")
    values_NI = np.array(numbers, dtype=np.float64).reshape(-1, len(columns))
    return Table(path, columns, values_NI, np.array(lines, dtype=np.int64))


def _lines(file: TextIO, path: Path) -> Iterator[str]:
    """Line by line, and never a whole disk of zeros that has no line's end."""
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
    twice = sorted(name for name, count in Counter(columns).items() if count > 1)
    if twice:
        raise DataError(f"{path} has more than one column {shown(twice[:1])!r}")
    return columns


def _what_instead(rows: Iterator[list[str]]) -> str:
    return "is empty" if not any(chain.from_iterable(rows)) else "its first line is blank"


def _numbers(row: list[str], columns: list[str], where: str) -> list[float]:
    if len(row) != len(columns):
        raise DataError(f"{where} must have {len(columns)} fields like the header, got {len(row)}")
    # Python reads 1_000 as a number; no data file means that.
    if "_" not in "".join(row):
        with suppress(ValueError):
            numbers = [float(field) for field in row]
            if all(map(math.isfinite, numbers)):
                return numbers
    name, value = next(pair for pair in zip(columns, row, strict=True) if not _is_number(pair[1]))
    raise DataError(f"{where}, column {shown([name])} must be a finite number, got {value[:40]!r}")


def _is_number(field: str) -> bool:
    try:
        return math.isfinite(float(field)) and "_" not in field
    except ValueError:
        return False


def _check_same_columns(train: Table, table: Table) -> None:
    if table.columns != train.columns:
        raise DataError(
            f"{table.path} must have the columns of {train.path} ({shown(train.columns)}), "
            f"got {shown(table.columns)}"
        )


def _split_target(table: Table, config: CSVConfig) -> RawPart:
    name = table.columns[-1] if config.target is None else config.target
    if name not in table.columns:
        raise DataError(
            f"data.target must be a column of {table.path} ({shown(table.columns)}), got {name!r}"
            + did_you_mean(name, table.columns)
        )
    column = table.columns.index(name)
    place = Place(table.path, shown([name]), table.lines_N)
    targets_N = table.values_NI[:, column]
    if config.task is Task.classification:
        targets_N = to_labels(targets_N, place)
    return RawPart(np.delete(table.values_NI, column, axis=1), targets_N, place)
