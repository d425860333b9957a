"""Files that are not trusted: read errors, IDX files and NumPy archives."""

import gzip
import io
import math
import struct
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from gzip import BadGzipFile
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self, cast

import numpy as np
from numpy.lib import format as npy

from dlhw.errors import DataError, listing

MAX_NAME, MAX_NAMES = 40, 20


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Context in which `path` is read: any failure becomes a DataError.

    Raises:
        DataError: the file is missing, cannot be opened, is damaged, or does not fit into memory.
    """
    try:
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise DataError(f"{path} is not a file: devices and pipes cannot be read twice")
        yield
    except DataError:
        raise
    except FileNotFoundError as error:
        raise DataError(f"{path} does not exist") from error
    except MemoryError as error:
        raise DataError(f"{path} does not fit into memory") from error
    except BadGzipFile as error:
        raise DataError(f"{path} is damaged: {error}") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error
    # zipfile, zlib, csv and numpy's header parser raise a dozen types for a damaged file.
    except Exception as error:
        raise DataError(f"{path} is damaged: {one_line(error)}") from error


def is_there(path: Path) -> bool:
    """Whether a file exists.

    Raises:
        DataError: its folder may not be looked into.
    """
    with reading(path):
        return path.exists()


def shown(names: Iterable[str]) -> str:
    """Names from a file for use in a sentence: on one line and of limited length.

    >>> shown(["a", "two\\nlines", "b" * 1000])
    'a, two lines, bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb'
    """
    lines = [" ".join(name.split())[:MAX_NAME] for name in names]
    more = f" and {len(lines) - MAX_NAMES} more" if len(lines) > MAX_NAMES else ""
    return listing(lines[:MAX_NAMES]) + more


def one_line(error: BaseException) -> str:
    """An exception's text (or its type, if it has none) on one line of limited length.

    >>> one_line(ValueError("first\\nsecond"))
    'first second'
    >>> one_line(EOFError())
    'EOFError'
    """
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 200 else text[:197] + "..."


UNSIGNED_BYTE = 0x08
# Deflate packs at most 258 bytes into two bits, so a gzip file expands to at most this many times its size.
MAX_DEFLATE_RATIO = 1032


def read_idx(path: Path, num_dims: int) -> np.ndarray:
    """Read an IDX file of unsigned bytes, gzipped if its name ends in .gz.

    The header is compared with the size of the file before anything is allocated.

    Args:
        path: the file.
        num_dims: number of dims that it must have: 1 for labels, 3 for images.

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
    """Read step by step: a compressed file may hold less than its header asks for."""
    expected, content = math.prod(shape), bytearray()
    while len(content) < expected and (piece := file.read(min(1 << 20, expected - len(content)))):
        content += piece
    if len(content) < expected or file.read(1):
        problem = f"ends after {len(content)}" if len(content) < expected else "has more"
        raise DataError(f"{path} is damaged: its header {shape} asks for {expected} data bytes, it {problem}")
    return np.frombuffer(content, dtype=np.uint8).reshape(shape)


MAX_HEADER = 10_000  # bytes, as numpy allows


class Archive:
    """An open .npz file; arrays are read one by one, when asked for.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     np.savez(f"{folder}/data.npz", x=np.arange(3))
    ...     with Archive(Path(folder) / "data.npz") as archive:
    ...         archive.names, archive.read("x")
    (['x'], array([0, 1, 2]))
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with reading(path):
            with path.open("rb") as file:
                if not zipfile.is_zipfile(file):
                    raise DataError(f"{path} is not a NumPy archive (.npz), or is cut short")
            self._zip = zipfile.ZipFile(path)
        self.names = [name.removesuffix(".npy") for name in self._zip.namelist() if name.endswith(".npy")]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._zip.close()

    def require(self, names: Iterable[str]) -> None:
        """Refuse an archive that lacks one of the arrays.

        Raises:
            DataError: names the missing arrays and those that are there.
        """
        missing = [name for name in names if name not in self.names]
        if missing:
            there = shown(self.names) or "none at all"
            raise DataError(f"{self.path} must hold the arrays {listing(missing)}, it holds {there}")

    def read(self, name: str) -> np.ndarray:
        """One array, of a real dtype in native byte order.

        Raises:
            DataError: the array is not numeric, or the archive is damaged.
        """
        with reading(self.path):
            info = self._zip.getinfo(f"{name}.npy")
            with self._zip.open(info) as file:
                self._check_header(file, info, name)
            with self._zip.open(info) as file:
                array = npy.read_array(file, allow_pickle=False)
        return array.astype(array.dtype.newbyteorder("="), copy=False)

    def _check_header(self, file: IO[bytes], info: zipfile.ZipInfo, name: str) -> None:
        shape, dtype, length = _read_header(file)
        if dtype.hasobject:
            raise DataError(f"{self.path}, array {name} holds Python objects, which are never unpickled")
        if dtype.kind not in "buif":
            raise DataError(f"{self.path}, array {name} must hold real numbers, got dtype {dtype}")
        # numpy allocates what the header asks for before it reads, so a wrong header must be detected here.
        size = length + math.prod(shape) * dtype.itemsize
        if min(shape, default=0) < 0 or size != info.file_size:
            raise DataError(f"{self.path}, array {name} is damaged: {shape} {dtype} does not fit its size")
        packed = min(info.compress_size, self.path.stat().st_size)
        if size > MAX_DEFLATE_RATIO * (packed + 1):
            raise DataError(
                f"{self.path}, array {name} is damaged: {info.compress_size} bytes cannot hold it"
            )


def _read_header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any], int]:
    """Shape, dtype, and number of bytes before the data."""
    version = npy.read_magic(file)
    width = 2 if version == (1, 0) else 4
    size_field = file.read(width)
    length = int.from_bytes(size_field, "little")
    # numpy reads that many bytes at once, and 4 GiB of zeros compress to 4 MiB.
    if len(size_field) < width or length > MAX_HEADER:
        raise ValueError(f"the header of an array has {length} bytes, at most {MAX_HEADER} are read")
    whole = io.BytesIO(size_field + file.read(length))
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, _, dtype = read(whole)
    return shape, dtype, file.tell()
