"""Files: writing without partial results, and reading JSON and YAML of limited size and depth."""

import io
import json
import math
import os
from collections.abc import Callable
from contextlib import suppress
from math import inf
from pathlib import Path
from typing import Any

import yaml

from dlhw.errors import RunFolderError
from dlhw.locks import anchored, check_held

# Far above the size of any file of a run; larger files are refused before they are read.
MAX_BYTES = 64 << 20
MAX_DEPTH = 100
PARSER_DEPTH = 1000
# A few hundred bytes of YAML with references can stand for a billion values.
MAX_NODES = 200_000
# libyaml is ten times as fast; both loaders build only plain data.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def write_atomic(path: Path, content: bytes | str, keep: Path | None = None) -> None:
    """Replace `path` by `content` atomically: a reader sees the complete old file or the complete new file.

    The folder must exist. On failure the old file stays, and no temporary file is left.

    Args:
        path: file to write or replace.
        content: the whole content.
        keep: new name of the replaced file; for a moment, only this file exists.

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
        check_held(path)  # the folder may have been replaced during writing
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
    """An opener for files of a folder, even if its path has changed; removes the flags `without`."""
    return lambda name, flags: os.open(name, flags & ~without, 0o666, dir_fd=folder)


def _replace(one: tuple[str, int | None], other: tuple[str, int | None]) -> None:
    os.replace(one[0], other[0], src_dir_fd=one[1], dst_dir_fd=other[1])


def remove_file(path: Path) -> None:
    """Remove a file if it exists.

    Raises:
        FolderLostError: if this process has lost the folder, so that the file belongs to another process.
    """
    check_held(path)
    name, folder = anchored(path)
    with suppress(FileNotFoundError):
        os.unlink(name, dir_fd=folder)


def remove_temporary_files(folder: Path) -> None:
    """Remove the files of a run that `write_atomic` had not finished when its process was killed."""
    for path in [*folder.glob(".*.tmp"), *folder.glob("checkpoints/.*.tmp")]:
        remove_file(path)


def append_whole(path: Path, lines: bytes, *, is_new: bool = False) -> None:
    """Append all of `lines`, or nothing, for example on a full disk.

    Args:
        path: file to append to.
        lines: the bytes to append.
        is_new: whether to create the file. Otherwise it must exist, so that a file in an emptied or recreated
            folder does not begin in the middle.

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
    # A write to a nearly full disk may be short; only the next write raises ENOSPC.
    while lines:
        lines = lines[file.write(lines) :]


def refuse_link(folder: Path) -> None:
    """Refuse a folder that is a link: its run would be written to the target of the link.

    Raises:
        RunFolderError: if it is one.
    """
    if folder.is_symlink():
        raise RunFolderError(
            f"{folder} is a link, to {folder.readlink()}: its run would be written there; remove the link or "
            "choose another hydra.sweep.dir"
        )


def refuse_links(folder: Path) -> None:
    """Refuse links out of a run's folder, through which files elsewhere would be written.

    Raises:
        RunFolderError: names the first such link.
    """
    inside = folder.resolve()
    for entry in sorted(folder.rglob("*")):
        if entry.is_symlink() and not entry.resolve().is_relative_to(inside):
            raise RunFolderError(
                f"{entry} is a link out of the run's folder, to {entry.readlink()}: resuming would write "
                "there; replace it by what it points to"
            )


def write_json(path: Path, tree: Any) -> None:
    """Write plain data as standard JSON; NaN and infinities, which JSON lacks, become null."""
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


def read_text(path: Path, max_bytes: int = MAX_BYTES, errors: str = "strict") -> str:
    """Read a whole file as UTF-8.

    Args:
        path: of the file.
        max_bytes: largest size in bytes, checked before reading.
        errors: as in `bytes.decode`.

    Raises:
        RunFolderError: if it cannot be opened, is too large or is not UTF-8.
    """
    try:
        size = path.stat().st_size
        if size > max_bytes:
            raise RunFolderError(f"{path} is damaged: it has {size} bytes, at most {max_bytes} are read")
        return path.read_bytes().decode(errors=errors)
    except OSError as error:
        raise RunFolderError(f"{path} cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise RunFolderError(f"{path} is damaged: it is not text in UTF-8") from error


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        RunFolderError: if it cannot be read, or is not JSON.
    """
    text = read_text(path)
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RunFolderError(f"{path} is damaged: it is not JSON") from error
    _check_size(path, tree, inf)
    return tree


def read_yaml(path: Path) -> Any:
    """Read a YAML file; tags of objects and numbers of more than 4,300 digits are refused.

    Raises:
        RunFolderError: if it cannot be read, or is not the YAML that Hydra writes.
    """
    text = read_text(path)
    try:
        # libyaml recurses without limit, and a stack overflow would end the process.
        if not _may_be_deep(text) or _depth(text) <= PARSER_DEPTH:
            tree = yaml.load(text, LOADER)  # noqa: S506 (a safe loader)
        else:
            raise RecursionError
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise RunFolderError(f"{path} is damaged: it is not the YAML that Hydra writes") from error
    _check_size(path, tree, MAX_NODES)
    return tree


def _may_be_deep(text: str) -> bool:
    """Whether text may be nested too deep: depth is at most the number of brackets plus the longest line."""
    longest = max(map(len, text.splitlines()), default=0)
    return longest + text.count("[") + text.count("{") > PARSER_DEPTH


def _depth(text: str) -> int:
    """The depth of nesting, from the parser's events, without recursion; stops when it is too deep."""
    depth = deepest = 0
    for event in yaml.parse(text, LOADER):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        deepest = max(deepest, depth)
        if deepest > PARSER_DEPTH:
            break
    return deepest


def _check_size(path: Path, tree: Any, max_nodes: float) -> None:
    """Refuse data so deep or large that traversing it would exhaust the stack or the memory."""
    waiting, seen = [(tree, 1)], 0
    while waiting:
        node, depth = waiting.pop()
        seen += 1
        if depth > MAX_DEPTH or seen + len(waiting) > max_nodes:
            raise RunFolderError(f"{path} is damaged: no file of a run is nested so deep or says so much")
        if isinstance(node, dict | list | tuple | set):
            children = node.values() if isinstance(node, dict) else node
            waiting.extend((child, depth + 1) for child in children)
