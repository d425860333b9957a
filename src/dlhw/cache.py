"""Files in the user's cache folder, used only if no other user could have written them."""

import os
import stat
from pathlib import Path

from dlhw.files import write_atomic


def cache_folder() -> Path:
    """$XDG_CACHE_HOME/dlhw, or ~/.cache/dlhw. A relative $XDG_CACHE_HOME is ignored.

    Source: XDG Base Directory Specification, section "Environment variables".
    """
    base = os.environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(base):
        base = os.path.join(os.path.expanduser("~"), ".cache")
    return Path(base) / "dlhw"


def read_private(path: Path) -> bytes | None:
    """A file's content if only the current user can have written it; None otherwise, or without a file."""
    try:
        with path.open("rb") as file:
            info = os.fstat(file.fileno())
            if not stat.S_ISREG(info.st_mode) or _is_writable_by_others(info):
                return None
            return file.read()
    except OSError:
        return None


def _is_writable_by_others(info: os.stat_result) -> bool:
    is_foreign = hasattr(os, "getuid") and info.st_uid != os.getuid()
    return is_foreign or bool(info.st_mode & (stat.S_IWGRP | stat.S_IWOTH))


def write_private(path: Path, content: bytes) -> bool:
    """Write a file that `read_private` accepts; returns whether it could be written."""
    if not path.is_absolute():  # a user without a home folder
        return False
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_atomic(path, content)
        path.chmod(0o600)  # regardless of the umask
    except OSError:
        return False
    return True
