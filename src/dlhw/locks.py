"""One process at a time in a folder.

A lock belongs to the process: however that ends, the lock ends with it, so the file that a killed process
leaves is no obstacle. On a system or file system without such locks nothing is held back.

A lock holds a file, not its name. While a process is stopped, somebody can remove its folder, and another
process can make it anew and lock the new file. Hence every write below a held folder follows a `check_held`,
and names its file from the folder's descriptor (`anchored`): between the check and the write a process can be
stopped, too.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from dlhw.errors import RunFolderError

RUN_LOCK, SWEEP_LOCK = Path(".hydra", "run.lock"), Path("ledger.lock")


class FolderLostError(RunFolderError):
    """The folder that this process holds was removed, moved, or replaced by another process."""


@dataclass(frozen=True)
class Lock:
    """A lock on a file in a folder.

    Args:
        folder: absolute path of the folder that is held.
        path: absolute path of the locked file.
        file: that file, open; closing it releases the lock.
        directory: descriptor of the folder; None where the system opens no files by it.
    """

    folder: str
    path: str
    file: IO[bytes]
    directory: int | None

    def close(self) -> None:
        """Release it."""
        self.file.close()
        if self.directory is not None:
            os.close(self.directory)

    def is_lost(self) -> bool:
        """Whether another file, or none, has the locked file's path. An open file's inode is not reused."""
        try:
            there = os.stat(self.path)
        except (FileNotFoundError, NotADirectoryError):
            return True
        except OSError:  # not known; the write itself will fail
            return False
        held = os.fstat(self.file.fileno())
        return (there.st_dev, there.st_ino) != (held.st_dev, held.st_ino)


_held: list[Lock] = []


def is_held(path: Path) -> bool:
    """Whether every folder above `path` that this process has locked is still the one that it locked."""
    return _lost(path) is None


def check_held(path: Path) -> None:
    """Make sure that `path` is not in a folder that this process has lost.

    Raises:
        FolderLostError: if it is; nothing may be written there.
    """
    if (lock := _lost(path)) is not None:
        raise FolderLostError(
            f"{lock.folder} was removed, moved or replaced while this process trained in it: nothing more is "
            "written there"
        )


def anchored(path: Path) -> tuple[str, int | None]:
    """A file's name and the descriptor of the held folder that it is relative to.

    Opened so, a file is in the folder that is held, whatever has its path by now; in a folder that was
    removed it cannot be opened. None where no folder above is held.
    """
    place = os.path.abspath(path)
    locks = [lock for lock in _above(place) if lock.directory is not None]
    if not locks:
        return str(path), None
    nearest = max(locks, key=lambda lock: len(lock.folder))
    return os.path.relpath(place, nearest.folder), nearest.directory


def _above(place: str) -> list[Lock]:
    return [lock for lock in _held if f"{place}{os.sep}".startswith(f"{lock.folder}{os.sep}")]


def _lost(path: Path) -> Lock | None:
    """The first lock of a folder above `path` that is lost; None where all are held."""
    return next((lock for lock in _above(os.path.abspath(path)) if lock.is_lost()), None)


def hold_run(folder: Path) -> None:
    """Hold a run's folder, which is made where needed, until this process ends.

    A run in a sweep's folder shares the sweep's lock with other such runs: the sweep itself, whose process
    writes into all of them, cannot start meanwhile.

    Raises:
        RunFolderError: if another process trains in it.
        OSError: if the folder cannot be made, or not written.
    """
    busy = f"another process is training in {folder}: wait for it, or choose another folder"
    in_sweep = folder.parent / SWEEP_LOCK
    if in_sweep.exists():
        _held.append(_locked(in_sweep, folder.parent, busy, is_shared=True))
    _held.append(_locked(folder / RUN_LOCK, folder, busy))


@contextmanager
def sweep_held(folder: Path) -> Iterator[None]:
    """Hold a sweep's folder, which is made where needed.

    Raises:
        RunFolderError: if another process runs the sweep or one of its runs, or the folder cannot be written.
    """
    busy = f"another process is running the sweep in {folder}: wait for it, or choose another hydra.sweep.dir"
    try:
        lock = _locked(folder / SWEEP_LOCK, folder, busy)
    except OSError as error:
        raise RunFolderError(f"hydra.sweep.dir={folder} cannot be written: {error.strerror}") from error
    _held.append(lock)
    try:
        yield
    finally:
        _held.remove(lock)
        lock.close()


def _locked(path: Path, folder: Path, busy: str, *, is_shared: bool = False) -> Lock:
    """Lock a file, which is made where needed.

    Raises:
        RunFolderError: with the sentence `busy`, if another process has locked it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("ab")
    lock = Lock(os.path.abspath(folder), os.path.abspath(path), file, _directory(folder))
    try:
        import fcntl

        fcntl.flock(file, (fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.close()
        raise RunFolderError(busy) from error
    except (ImportError, OSError):  # no such locks here
        pass
    if lock.is_lost():  # removed between opening and locking
        lock.close()
        raise RunFolderError(busy)
    return lock


def _directory(folder: Path) -> int | None:
    if not {os.open, os.rename, os.unlink} <= os.supports_dir_fd:
        return None
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
