"""Locks on folders, so that one process at a time works in each.

The operating system releases a lock when its process ends, however it ends: the lock file of a killed process
is no obstacle. Where the system or the file system has no such locks, nothing is locked.

A lock holds a file, not a name. While a process is stopped, its folder can be removed, and another process
can create the folder again and lock the new file. Hence every write below a held folder follows a
`check_held`, and names its file relative to the folder's descriptor (`anchored`): a process can also be
stopped between the check and the write.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from filelock import lock_descriptor

from dlhw.errors import RunFolderError

RUN_LOCK, SWEEP_LOCK = Path(".hydra", "run.lock"), Path("ledger.lock")
# Seconds that a run waits for its sweep's lock, which other runs hold for a few milliseconds each.
PATIENCE, POLL = 2.0, 0.02


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
            current = os.stat(self.path)
        except (FileNotFoundError, NotADirectoryError):
            return True
        except OSError:  # unknown; the write itself will fail
            return False
        held = os.fstat(self.file.fileno())
        return (current.st_dev, current.st_ino) != (held.st_dev, held.st_ino)


_held: list[Lock] = []


def is_held(path: Path) -> bool:
    """Whether this process still holds every folder above `path` that it has locked."""
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

    A file that is opened this way is in the held folder, even if another folder has its path by now; in a
    removed folder it cannot be opened. None where no folder above is held.
    """
    absolute = os.path.abspath(path)
    locks = [lock for lock in _above(absolute) if lock.directory is not None]
    if not locks:
        return str(path), None
    nearest = max(locks, key=lambda lock: len(lock.folder))
    return os.path.relpath(absolute, nearest.folder), nearest.directory


def _above(path: str) -> list[Lock]:
    return [lock for lock in _held if f"{path}{os.sep}".startswith(f"{lock.folder}{os.sep}")]


def _lost(path: Path) -> Lock | None:
    """The first lock of a folder above `path` that is lost; None where all are held."""
    return next((lock for lock in _above(os.path.abspath(path)) if lock.is_lost()), None)


def hold_run(folder: Path) -> None:
    """Hold a run's folder, which is created if needed, until this process ends.

    A run in a sweep's folder takes the sweep's lock too, until it holds its own. So it does not start while
    the sweep runs, whose process writes into all of its runs; and `sweep_held` finds the runs that are held.

    Raises:
        RunFolderError: if another process trains in it.
        OSError: if the folder cannot be created, or not written.
    """
    busy = f"another process is training in {folder}: wait for it, or choose another folder"
    in_sweep = folder.parent / SWEEP_LOCK
    if not in_sweep.exists():
        _held.append(_locked(folder / RUN_LOCK, folder, busy))
        return
    sweep = _locked(in_sweep, folder.parent, busy, patience=PATIENCE)
    try:
        _held.append(_locked(folder / RUN_LOCK, folder, busy))
    finally:
        sweep.close()


@contextmanager
def sweep_held(folder: Path) -> Iterator[None]:
    """Hold a sweep's folder, which is created if needed.

    Raises:
        RunFolderError: if another process runs the sweep or one of its runs, or the folder cannot be written.
    """
    busy = f"another process is running the sweep in {folder}: wait for it, or choose another hydra.sweep.dir"
    try:
        # a run that begins holds the lock for a moment
        lock = _locked(folder / SWEEP_LOCK, folder, busy, patience=PATIENCE)
        _refuse_held_runs(folder, busy, lock)
    except OSError as error:
        raise RunFolderError(f"hydra.sweep.dir={folder} cannot be written: {error.strerror}") from error
    _held.append(lock)
    try:
        yield
    finally:
        _held.remove(lock)
        lock.close()


def _refuse_held_runs(folder: Path, busy: str, lock: Lock) -> None:
    """Release the sweep's lock again if another process holds one of the runs.

    Raises:
        RunFolderError: with the sentence `busy`, if one does.
    """
    try:
        for path in folder.glob(f"*/{RUN_LOCK.as_posix()}"):
            with path.open("ab") as file:
                if not _try_lock(file):
                    raise RunFolderError(busy)
    except BaseException:
        lock.close()
        raise


def _locked(path: Path, folder: Path, busy: str, *, patience: float = 0) -> Lock:
    """Lock a file, which is created if needed.

    Args:
        path: of the file.
        folder: that it locks.
        busy: the sentence for a file that another process has locked.
        patience: seconds to wait for that process.

    Raises:
        RunFolderError: with the sentence `busy`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("ab")
    lock = Lock(os.path.abspath(folder), os.path.abspath(path), file, _directory(folder))
    until = time.monotonic() + patience
    while not (is_locked := _try_lock(file)) and time.monotonic() < until:
        time.sleep(POLL)
    if not is_locked or lock.is_lost():  # removed between opening and locking
        lock.close()
        raise RunFolderError(busy)
    return lock


def _try_lock(file: IO[bytes]) -> bool:
    """Lock an open file; true also where there are no such locks."""
    try:
        return lock_descriptor(file.fileno(), blocking=False)
    except OSError:
        return True


def _directory(folder: Path) -> int | None:
    if not {os.open, os.rename, os.unlink} <= os.supports_dir_fd:
        return None
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
