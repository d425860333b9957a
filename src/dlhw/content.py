"""The content of data files: SHA-256 of whole files, cached by size, times and inode.

A large file is read once: its hash is cached in the user's cache folder and in this process.
"""

import hashlib
import json
import os
import re
import stat
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dlhw.cache import cache_folder, read_private, write_private

CACHE_FILE = "file-hashes.json"
# Smaller files are read about as fast as the cache.
CACHED_BYTES = 1 << 20
MAX_ENTRIES = 500
# A file that was written within a tick of a file system's clock may be written again in the same tick.
SETTLED_NS = 3 * 10**9
ABSENT = "not there yet"
DIGEST = re.compile(r"[0-9a-f]{64}")


# (real path, mark) -> hash
_known: dict[tuple[str, tuple[int, ...]], str] = {}


def data_identity(files: Mapping[str, Path]) -> str:
    """Hashes of the files' content, independent of their location; `ABSENT` if a file is not yet downloaded.

    Empty for data that is generated.

    Args:
        files: by what they hold, as `DataConfig.files` gives them.
    """
    hashes = [f"{name}:{_short_hash(path)}" for name, path in files.items()]
    return ABSENT if any(ABSENT in line for line in hashes) else " ".join(hashes)


def _short_hash(path: Path) -> str:
    try:
        return file_hash(path)[:16]
    except OSError:
        return ABSENT


def file_hash(path: Path) -> str:
    """SHA-256 of a file's content, as 64 hex digits.

    The hash of a large file is cached in the user's cache folder with the file's size, times (of content and
    of inode) and inode, and is valid as long as these are unchanged.

    Raises:
        OSError: if the file is missing, cannot be read, or is not a regular file.
    """
    if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe would wait for a writer
        raise OSError(f"{path} is not a regular file")
    with path.open("rb") as file:
        about = os.fstat(file.fileno())
        mark, name = _mark(about), os.path.realpath(path)
        if (name, tuple(mark)) in _known:
            return _known[name, tuple(mark)]
        kept = _kept() if about.st_size >= CACHED_BYTES else {}
        if name in kept and kept[name]["mark"] == mark:
            return str(kept[name]["sha256"])
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        is_unchanged = _mark(os.fstat(file.fileno())) == mark
    if is_unchanged and _is_settled(about):
        _known[name, tuple(mark)] = digest
        if about.st_size >= CACHED_BYTES:
            _keep(name, mark, digest)
    return digest


def _mark(about: os.stat_result) -> list[int]:
    """Properties of a file; new content changes one of them: programs cannot set back the inode's time."""
    return [about.st_size, about.st_mtime_ns, about.st_ctime_ns, about.st_ino, about.st_dev]


def _is_settled(about: os.stat_result) -> bool:
    return time.time_ns() - max(about.st_mtime_ns, about.st_ctime_ns) > SETTLED_NS


def _kept() -> dict[str, dict[str, Any]]:
    """Real path -> mark and hash; malformed entries are dropped."""
    content = read_private(cache_folder() / CACHE_FILE)
    try:
        tree = json.loads(content or b"{}")
    except (ValueError, RecursionError):
        return {}
    entries = tree.items() if isinstance(tree, dict) else ()
    return {name: entry for name, entry in entries if _is_entry(entry)}


def _is_entry(entry: Any) -> bool:
    if not isinstance(entry, dict) or not isinstance(entry.get("mark"), list):
        return False
    return isinstance(entry.get("sha256"), str) and DIGEST.fullmatch(entry["sha256"]) is not None


def _keep(name: str, mark: list[int], digest: str) -> None:
    entries = {key: entry for key, entry in _kept().items() if key != name}
    newest = dict(list(entries.items())[-(MAX_ENTRIES - 1) :])
    tree = newest | {name: {"mark": mark, "sha256": digest}}
    write_private(cache_folder() / CACHE_FILE, json.dumps(tree, indent=1).encode())
