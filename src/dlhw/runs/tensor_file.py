"""Read safetensors files that may be damaged."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from torch import Tensor

LENGTH_BYTES = 8
Values = TypeVar("Values")
MAX_HEADER = 100_000_000  # bytes, as in the safetensors library


class DamagedError(ValueError):
    """The bytes are not a safetensors file; the message says why."""


def read_tensors(path: Path) -> "tuple[dict[str, Tensor], dict[str, str]]":
    """Read a file as torch tensors; see `read_file`."""
    from safetensors.torch import load  # torch is slow to import, and reports need numpy only

    return read_file(path, load)


def read_file(
    path: Path, load: Callable[[bytes], dict[str, Values]]
) -> tuple[dict[str, Values], dict[str, str]]:
    """Read a safetensors file.

    A header that does not fit the size of the file is rejected before the data are read, so that a damaged
    header cannot make the library allocate more memory than the file has bytes.

    Args:
        path: of the file.
        load: the library's function that turns bytes into torch tensors or numpy arrays.

    Returns:
        The tensors by name, and the metadata of the header.

    Raises:
        DamagedError: if the file is not a safetensors file, or does not fit into memory.
        OSError: if it cannot be opened or read.
    """
    with path.open("rb") as file:
        try:
            head = _read_head(file)
            header = _header(head)
            _check_size(header, len(head), os.fstat(file.fileno()).st_size)
            tensors = load(head + file.read())
        except (DamagedError, OSError):
            raise
        except MemoryError as error:
            raise DamagedError("does not fit into memory") from error
        except Exception as error:  # a dozen types, from Python's parsers and from the library
            raise DamagedError("is damaged or no safetensors file") from error
    return tensors, dict(header.get("__metadata__", {}))


def _read_head(file: IO[bytes]) -> bytes:
    """The header with the bytes of its length."""
    size = os.fstat(file.fileno()).st_size
    start = file.read(LENGTH_BYTES)
    length = int.from_bytes(start, "little")
    if len(start) < LENGTH_BYTES or length > min(size - LENGTH_BYTES, MAX_HEADER):
        raise DamagedError("is damaged or no safetensors file")
    return start + file.read(length)


def _header(head: bytes) -> dict[str, Any]:
    header = json.loads(head[LENGTH_BYTES:])
    if not isinstance(header, dict):
        raise DamagedError("is damaged or no safetensors file")
    return header


def _check_size(header: dict[str, Any], head: int, size: int) -> None:
    """Raises DamagedError unless the last tensor ends where the file ends."""
    ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
    expected = head + max(ends, default=0)
    if expected != size:
        raise DamagedError(f"is damaged: its header asks for {expected} bytes, the file has {size}")
