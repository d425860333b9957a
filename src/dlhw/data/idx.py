"""IDX files, the format of MNIST: two zero bytes, a type, the number of dims, the sizes, then the bytes."""

import gzip
import math
import struct
from pathlib import Path
from typing import IO, cast

import numpy as np

from dlhw.data.reading import reading
from dlhw.errors import DataError

UNSIGNED_BYTE = 0x08
# Deflate packs at most 258 bytes into two bits: a gzip file cannot hold more than so many times its size.
MAX_DEFLATE_RATIO = 1032


def read_idx(path: Path, num_dims: int) -> np.ndarray:
    """Read an IDX file of unsigned bytes, gzipped if its name ends in .gz.

    The header is held against the file's size before anything is allocated.

    Args:
        path: the file.
        num_dims: how many dims it must have: 1 for labels, 3 for images.

    Returns:
        A writable uint8 array.

    Raises:
        DataError: the file is missing, no IDX file, of another type or shape, too short or too long.
    """
    with reading(path):
        with cast(IO[bytes], gzip.open(path) if path.suffix == ".gz" else path.open("rb")) as file:
            shape = _read_shape(file, path, num_dims)
            _check_size(path, shape)
            return _read_bytes(file, path, shape)


def _read_shape(file: IO[bytes], path: Path, num_dims: int) -> tuple[int, ...]:
    header = file.read(4)
    if len(header) < 4 or header[:2] != b"\0\0":
        raise DataError(
            f"{path} is not an IDX file: it must start with two zero bytes, got {header[:2].hex()!r}"
        )
    if header[2] != UNSIGNED_BYTE:
        raise DataError(f"{path} must hold unsigned bytes (IDX type 0x08), got type 0x{header[2]:02x}")
    if header[3] != num_dims:
        raise DataError(f"{path} must have {num_dims} dims, got {header[3]}")
    sizes = file.read(4 * num_dims)
    if len(sizes) < 4 * num_dims:
        raise DataError(f"{path} is damaged: it ends within its header")
    return struct.unpack(f">{num_dims}I", sizes)


def _check_size(path: Path, shape: tuple[int, ...]) -> None:
    expected = 4 + 4 * len(shape) + math.prod(shape)
    actual = path.stat().st_size
    if path.suffix == ".gz":
        if expected > actual * MAX_DEFLATE_RATIO:
            raise DataError(
                f"{path} is damaged: its header {shape} asks for more than {actual} bytes can hold"
            )
    elif actual != expected:
        raise DataError(
            f"{path} is damaged: its header {shape} asks for {expected} bytes, the file has {actual}"
        )


def _read_bytes(file: IO[bytes], path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """Memory grows with what the file holds: a packed one may hold less than its header asks for."""
    expected, content = math.prod(shape), bytearray()
    while len(content) < expected and (piece := file.read(min(1 << 20, expected - len(content)))):
        content += piece
    if len(content) < expected or file.read(1):
        found = f"ends after {len(content)}" if len(content) < expected else "has more"
        raise DataError(f"{path} is damaged: its header {shape} asks for {expected} data bytes, it {found}")
    return np.frombuffer(content, dtype=np.uint8).reshape(shape)
