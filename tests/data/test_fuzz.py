"""Damaged files end in success or in one DataError, never in anything else."""

import gzip
import io
import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlhw.config.data import CSVConfig, NPZConfig, SplitConfig, Task
from dlhw.data import load_dataset
from dlhw.data.idx import read_idx
from dlhw.errors import DataError

EXAMPLES = settings(max_examples=200, deadline=None)
ALL = SplitConfig(train=None, val=0, test=0)
IDX = bytes([0, 0, 8, 3]) + struct.pack(">3I", 2, 3, 4) + bytes(24)
CSV = b'a,b,label\n1,2,0\n3,"4",1\n5,6e0,0\n'


def archive(save: Callable[..., None]) -> bytes:
    file = io.BytesIO()
    save(file, x=np.arange(8.0).reshape(4, 2), y=np.array([0, 1, 0, 1]))
    return file.getvalue()


@st.composite
def mutations(draw: st.DrawFn, original: bytes) -> bytes:
    """Overwrite, cut, drop or insert some bytes."""
    content = bytearray(original)
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, max(len(content) - 1, 0)))
        stop = start + draw(st.integers(0, 4))
        content[start:stop] = draw(st.binary(max_size=6))
    return bytes(content[: draw(st.integers(0, len(content)))] if draw(st.booleans()) else content)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_idx(folder: Path, suffix: str) -> None:
    path = folder / f"images{suffix}"

    @EXAMPLES
    @given(mutations(gzip.compress(IDX) if suffix else IDX))
    def check(content: bytes) -> None:
        path.write_bytes(content)
        with suppress(DataError):
            read_idx(path, 3)

    check()


def test_unpacked_idx_in_a_whole_gzip_file(folder: Path) -> None:
    path = folder / "inner.gz"

    @EXAMPLES
    @given(mutations(IDX))
    def check(content: bytes) -> None:
        path.write_bytes(gzip.compress(content))
        with suppress(DataError):
            read_idx(path, 3)

    check()


@pytest.mark.parametrize("task", list(Task))
def test_csv(folder: Path, task: Task) -> None:
    path = folder / "train.csv"

    @EXAMPLES
    @given(mutations(CSV))
    def check(content: bytes) -> None:
        path.write_bytes(content)
        with suppress(DataError):
            load_dataset(CSVConfig(train=str(path), task=task, split=ALL), 0)

    check()


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz(folder: Path, save: Callable[..., None]) -> None:
    path = folder / "data.npz"

    @EXAMPLES
    @given(mutations(archive(save)))
    def check(content: bytes) -> None:
        path.write_bytes(content)
        with suppress(DataError):
            load_dataset(NPZConfig(path=str(path), split=ALL), 0)

    check()
