"""NumPy archives (.npz), read without unpickling and without trusting their headers."""

import io
import math
import zipfile
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import numpy as np
from numpy.lib import format as npy

from dlhw.data.idx import MAX_DEFLATE_RATIO
from dlhw.data.reading import reading, shown
from dlhw.errors import DataError, listing

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
        # numpy allocates what the header asks for before it reads, so a lie must be found here.
        size = length + math.prod(shape) * dtype.itemsize
        if min(shape, default=0) < 0 or size != info.file_size:
            raise DataError(f"{self.path}, array {name} is damaged: {shape} {dtype} does not fit its size")
        packed = min(info.compress_size, self.path.stat().st_size)  # the archive's list can lie as well
        if size > MAX_DEFLATE_RATIO * (packed + 1):
            raise DataError(
                f"{self.path}, array {name} is damaged: {info.compress_size} bytes cannot hold it"
            )


def _read_header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any], int]:
    """Shape, dtype, and how many bytes stand before the numbers."""
    version = npy.read_magic(file)
    width = 2 if version == (1, 0) else 4
    told = file.read(width)
    length = int.from_bytes(told, "little")
    # numpy asks for so many bytes at once, and the packed zeros of 4 GiB take 4 MiB.
    if len(told) < width or length > MAX_HEADER:
        raise ValueError(f"the header of an array has {length} bytes, at most {MAX_HEADER} are read")
    whole = io.BytesIO(told + file.read(length))
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, _, dtype = read(whole)
    return shape, dtype, file.tell()
