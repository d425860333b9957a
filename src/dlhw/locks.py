"""One process at a time in a folder.

A lock belongs to the process: however that ends, the lock ends with it, so the file that a killed process
leaves is no obstacle. On a system or file system without such locks nothing is held back.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from dlhw.errors import RunFolderError

RUN_LOCK, SWEEP_LOCK = Path(".hydra", "run.lock"), Path("ledger.lock")
_held: list[IO[bytes]] = []


def hold_run(folder: Path) -> None:
    """Hold a run's folder, which is made where needed, until this process ends.

    A folder inside a sweep's is held with the whole sweep, whose process writes into all of them.

    Raises:
        RunFolderError: if another process trains in it.
        OSError: if the folder cannot be made, or not written.
    """
    in_sweep = folder.parent / SWEEP_LOCK
    lock = in_sweep if in_sweep.exists() else folder / RUN_LOCK
    busy = f"another process is training in {folder}: wait for it, or choose another folder"
    _held.append(_locked(lock, busy))


@contextmanager
def sweep_held(folder: Path) -> Iterator[None]:
    """Hold a sweep's folder, which is made where needed.

    Raises:
        RunFolderError: if another process runs the sweep, or the folder cannot be written.
    """
    busy = f"another process is running the sweep in {folder}: wait for it, or choose another hydra.sweep.dir"
    try:
        lock = _locked(folder / SWEEP_LOCK, busy)
    except OSError as error:
        raise RunFolderError(f"hydra.sweep.dir={folder} cannot be written: {error.strerror}") from error
    with lock:
        yield


def _locked(path: Path, busy: str) -> IO[bytes]:
    """The open file whose lock this process has; closing it gives the lock back."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("ab")
    try:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.close()
        raise RunFolderError(busy) from error
    except (ImportError, OSError):  # no such locks here
        pass
    return file
