"""Reading a safetensors file whose header nobody has vouched for."""

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
    """The bytes are no safetensors file; the text says what is wrong with them."""


def read_tensors(path: Path) -> "tuple[dict[str, Tensor], dict[str, str]]":
    """Tensors and metadata of a file; see `read_file`."""
    from safetensors.torch import load  # torch takes its time, and reports need numpy only

    return read_file(path, load)


def read_file(
    path: Path, load: Callable[[bytes], dict[str, Values]]
) -> tuple[dict[str, Values], dict[str, str]]:
    """Tensors and metadata of a file.

    A header that does not fit the size of the file is refused before anything that it asks for is read.

    Args:
        path: of the file.
        load: the library's reader, of torch's tensors or of numpy's arrays.

    Raises:
        DamagedError: if the file is no safetensors file, or does not fit into memory.
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
        except Exception as error:  # a dozen types, of Python's parsers and of the library's
            raise DamagedError("is damaged or no safetensors file") from error
    return tensors, dict(header.get("__metadata__", {}))


def _read_head(file: IO[bytes]) -> bytes:
    """Length of the header, and the header."""
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
    """The last tensor must end where the file does."""
    ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
    expected = head + max(ends, default=0)
    if expected != size:
        raise DamagedError(f"is damaged: its header asks for {expected} bytes, the file has {size}")
