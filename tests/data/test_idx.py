"""IDX files, whole and damaged."""

import gzip
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dlhw.data.formats import read_idx
from dlhw.errors import DataError

IMAGES = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
SUFFIXES = pytest.mark.parametrize("suffix", ["", ".gz"])


def write(folder: Path, suffix: str, content: bytes) -> Path:
    path = folder / f"images{suffix}"
    path.write_bytes(gzip.compress(content) if suffix else content)
    return path


@SUFFIXES
@pytest.mark.parametrize("shape", [(2, 3, 4), (24,), (0, 3, 4)])
def test_reads_what_was_written(
    tmp_path: Path, suffix: str, shape: tuple[int, ...], idx_bytes: Callable[[np.ndarray], bytes]
) -> None:
    array = np.resize(IMAGES, shape)
    result = read_idx(write(tmp_path, suffix, idx_bytes(array)), len(shape))
    np.testing.assert_array_equal(result, array)
    assert result.flags.writeable


@SUFFIXES
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda b: b"", r"is not an IDX file: it must start with two zero bytes, got ''$"),
        (lambda b: b"PK" + b[2:], r"is not an IDX file: .*, got '504b'$"),
        (lambda b: b[:2] + b"\x0d" + b[3:], r"must hold unsigned bytes \(IDX type 0x08\), got type 0x0d$"),
        (lambda b: b[:3] + b"\x01" + b[4:], r"must have 3 dims, got 1$"),
        (lambda b: b[:9], r"is damaged: it ends within its header$"),
        (lambda b: b[:-1], r"is damaged: its header \(2, 3, 4\) asks for"),
        (lambda b: b + b"x", r"is damaged: its header \(2, 3, 4\) asks for"),
        (
            lambda b: b[:4] + struct.pack(">3I", *[2**32 - 1] * 3) + b[16:],
            r"is damaged: its header .* asks for",
        ),
    ],
    ids=["empty", "magic", "type", "dims", "header", "short", "long", "huge"],
)
def test_damage_is_named(
    tmp_path: Path,
    suffix: str,
    change: Callable[[bytes], bytes],
    message: str,
    idx_bytes: Callable[[np.ndarray], bytes],
) -> None:
    path = write(tmp_path, suffix, change(idx_bytes(IMAGES)))
    with pytest.raises(DataError, match=message) as caught:
        read_idx(path, 3)
    assert str(caught.value).startswith(str(path))


def test_a_cut_gzip_file(tmp_path: Path, idx_bytes: Callable[[np.ndarray], bytes]) -> None:
    path = write(tmp_path, ".gz", idx_bytes(IMAGES))
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(DataError, match=r"images.gz is damaged"):
        read_idx(path, 3)


def test_not_gzip(tmp_path: Path) -> None:
    (tmp_path / "images.gz").write_bytes(b"<html>not found</html>")
    with pytest.raises(DataError, match=r"images.gz is damaged: Not a gzipped file"):
        read_idx(tmp_path / "images.gz", 3)


def test_missing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nothing does not exist$"):
        read_idx(tmp_path / "nothing", 3)


def test_a_folder_in_its_place(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot be read: Is a directory$"):
        read_idx(tmp_path, 3)
