"""Folders of many runs: find the run folders in them, wherever they were moved or copied to."""

import os
import re
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path

from dlhw.errors import RunFolderError, listing
from dlhw.runs.folder import CONFIG_FILE

# The config of a sweep's last command, as Hydra saved it.
SWEEP_FILE = "multirun.yaml"

# The largest number of names that a sentence lists.
MAX_NAMES = 8


def run_folders(*roots: Path) -> list[Path]:
    """Find the run folders at or below the roots, in natural order (2 before 10), each real folder once.

    Raises:
        RunFolderError: if a root is not a folder, or none of them holds a run.
    """
    seen: set[str] = set()
    folders = [folder for root in roots for folder in sorted(_below(root, seen), key=natural)]
    if not folders:
        where = " or ".join(map(str, roots)) or "no folder"
        raise RunFolderError(f"no run found in {where}: a run's folder holds {CONFIG_FILE}")
    return folders


def _below(root: Path, seen: set[str]) -> Iterator[Path]:
    """Links are followed, but no folder is entered twice, so that a link to a parent folder is harmless."""
    if not root.is_dir():
        raise RunFolderError(f"{root} is not a folder{nearest_folder(root)}")
    for folder, names, _ in os.walk(root, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:
            names.clear()
            continue
        seen.add(real)
        if (Path(folder) / CONFIG_FILE).is_file():
            yield Path(folder)
        # Sorted, so that of two paths to a folder the same one is found on every machine.
        names[:] = sorted(name for name in names if name != CONFIG_FILE.parent.name)


def nearest_folder(missing: Path) -> str:
    """The end of a sentence that names the existing folder nearest to one that does not exist."""
    parent = missing.parent
    while not parent.is_dir() and parent != parent.parent:
        missing, parent = parent, parent.parent
    try:
        names = sorted(entry.name for entry in parent.iterdir() if entry.is_dir())
    except OSError:
        return ""
    near = get_close_matches(missing.name, names, n=1) or [
        name for name in names if name.startswith(missing.name)
    ]
    if near:
        return f"; did you mean {parent / near[0]}?"
    shown = [name for name in names if not name.startswith(".")][:MAX_NAMES]
    return f"; {parent} holds {listing(shown)}" if shown else ""


def natural(path: Path) -> list[tuple[int, int, str]]:
    """Sort key that compares digits as numbers.

    >>> [str(path) for path in sorted([Path("run10"), Path("run9")], key=natural)]
    ['run9', 'run10']
    """
    pieces = re.split(r"(\d+)", str(path))
    return [(1, int(piece), "") if piece.isdecimal() else (0, 0, piece) for piece in pieces]
