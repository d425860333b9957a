"""Files that are either whole or not there."""

import io
import json
import math
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from dlhw.errors import RunFolderError
from dlhw.locks import anchored, check_held


def write_atomic(path: Path, content: bytes | str, keep: Path | None = None) -> None:
    """Replace `path` by `content` in one step: whoever reads it sees the old file or the new one, whole.

    The folder must exist. Whatever fails, the old file stays and no temporary file is left.

    Args:
        path: file to write or replace.
        content: all of it.
        keep: where the file that is replaced goes; for a moment, this is the only one there is.

    Raises:
        OSError: with the path, if it cannot be written, on a full disk for example.
        FolderLostError: if this process has lost the folder.
    """
    check_held(path)
    temporary, folder = anchored(path.with_name(f".{path.name}.{os.getpid()}.tmp"))
    data = content.encode() if isinstance(content, str) else content
    try:
        with open(temporary, "wb", opener=_opener(folder)) as file:
            file.write(data)
            file.flush()
            # Without it, a power cut after the rename could leave the new name on an empty file.
            os.fsync(file.fileno())
        check_held(path)  # writing takes a while, in which the folder may be replaced
        if keep is not None and path.exists():
            _replace(anchored(path), anchored(keep))
        _replace((temporary, folder), anchored(path))
    except OSError as error:
        check_held(path)  # in a folder that was removed meanwhile nothing can be opened
        raise OSError(error.errno, error.strerror, str(path)) from error  # a failing write names no file
    finally:
        with suppress(FileNotFoundError):
            os.unlink(temporary, dir_fd=folder)


def _opener(folder: int | None, without: int = 0) -> Callable[[str, int], int]:
    """Opens files of a folder, whatever its path is by now; `without` are flags that are not wanted."""
    return lambda name, flags: os.open(name, flags & ~without, 0o666, dir_fd=folder)


def _replace(one: tuple[str, int | None], other: tuple[str, int | None]) -> None:
    os.replace(one[0], other[0], src_dir_fd=one[1], dst_dir_fd=other[1])


def remove_file(path: Path) -> None:
    """Remove a file, if it is there.

    Raises:
        FolderLostError: if this process has lost the folder: the file is another process's.
    """
    check_held(path)
    name, folder = anchored(path)
    with suppress(FileNotFoundError):
        os.unlink(name, dir_fd=folder)


def append_whole(path: Path, lines: bytes, *, is_new: bool = False) -> None:
    """Append all of `lines`, or, on a full disk for example, nothing.

    Args:
        path: file to append to.
        lines: all that is appended.
        is_new: make the file. Otherwise it must be there: in a folder that was emptied or made anew, it would
            begin in the middle.

    Raises:
        OSError: with the path, if they cannot be written.
        FolderLostError: if this process has lost the folder.
    """
    check_held(path)
    try:
        name, folder = anchored(path)
        opener = _opener(folder, 0 if is_new else os.O_CREAT)
        with open(name, "ab", buffering=0, opener=opener) as file:
            before = file.seek(0, io.SEEK_END)
            try:
                _write_all(file, memoryview(lines))
            except BaseException:
                file.truncate(before)
                raise
    except OSError as error:
        check_held(path)  # in a folder that was removed meanwhile nothing can be opened
        raise OSError(error.errno, error.strerror, str(path)) from error  # a failing write names no file


def _write_all(file: io.FileIO, lines: memoryview) -> None:
    # A disk that fills up takes a part; why it takes no more is said only to who writes the rest.
    while lines:
        lines = lines[file.write(lines) :]


def refuse_link(folder: Path) -> None:
    """Make sure that a sweep's cell is no link: its run would be written to where that leads.

    Raises:
        RunFolderError: if it is one.
    """
    if folder.is_symlink():
        raise RunFolderError(
            f"{folder} is a link, to {folder.readlink()}: its run would be written there; remove the link or "
            "choose another hydra.sweep.dir"
        )


def refuse_links(folder: Path) -> None:
    """Make sure that nothing outside of a run's folder is written through a link in it.

    Raises:
        RunFolderError: naming the first link that leads out.
    """
    inside = folder.resolve()
    for entry in sorted(folder.rglob("*")):
        if entry.is_symlink() and not entry.resolve().is_relative_to(inside):
            raise RunFolderError(
                f"{entry} is a link out of the run's folder, to {entry.readlink()}: resuming would write "
                "there; replace it by what it points to"
            )


def write_json(path: Path, tree: Any) -> None:
    """Write plain data as JSON that every reader takes: NaN and infinities, which JSON lacks, become null."""
    text = json.dumps(_finite(tree), indent=2, ensure_ascii=False, allow_nan=False)
    write_atomic(path, text + "\n")


def _finite(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {key: _finite(value) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return [_finite(value) for value in tree]
    if isinstance(tree, float) and not math.isfinite(tree):
        return None
    return tree
