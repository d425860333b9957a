"""Reading files: whatever goes wrong becomes one sentence."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from gzip import BadGzipFile
from pathlib import Path

from dlhw.errors import DataError, listing

MAX_NAME, MAX_NAMES = 40, 20


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Around the reading of `path`: let a DataError through and turn any other failure into one.

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
    """Names out of a file for a sentence, which they must neither break nor make endless.

    >>> shown(["a", "two\\nlines", "b" * 1000])
    'a, two lines, bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb'
    """
    found = [" ".join(name.split())[:MAX_NAME] for name in names]
    more = f" and {len(found) - MAX_NAMES} more" if len(found) > MAX_NAMES else ""
    return listing(found[:MAX_NAMES]) + more


def one_line(error: BaseException) -> str:
    """An exception's text (or its type, where it has none) on one line of bearable length.

    >>> one_line(ValueError("first\\nsecond"))
    'first second'
    >>> one_line(EOFError())
    'EOFError'
    """
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 200 else text[:197] + "..."
