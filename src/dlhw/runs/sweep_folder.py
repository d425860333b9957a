"""Find run folders: whatever has a `.hydra/config.yaml`, wherever it was moved or copied to."""

import os
import re
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path

from dlhw.errors import RunFolderError, listing
from dlhw.runs.folder import CONFIG_FILE

# Names that a sentence lists.
MAX_NAMES = 8


def run_folders(*roots: Path) -> list[Path]:
    """Run folders at or below the roots, in natural order (2 before 10), each real folder once.

    Raises:
        RunFolderError: if a root is not a folder, or none of them holds a run.
    """
    seen: set[str] = set()
    found = [folder for root in roots for folder in sorted(_below(root, seen), key=natural)]
    if not found:
        where = " or ".join(map(str, roots)) or "no folder"
        raise RunFolderError(f"no run found in {where}: a run's folder holds {CONFIG_FILE}")
    return found


def _below(root: Path, seen: set[str]) -> Iterator[Path]:
    """Links are followed, but no folder is entered twice, so a link upwards ends there."""
    if not root.is_dir():
        raise RunFolderError(f"{root} is not a folder{nearest_folder(root)}")
    for place, names, _ in os.walk(root, followlinks=True):
        real = os.path.realpath(place)
        if real in seen:
            names.clear()
            continue
        seen.add(real)
        if (Path(place) / CONFIG_FILE).is_file():
            yield Path(place)
        # In order, so that of two ways to a folder the same one is taken everywhere.
        names[:] = sorted(name for name in names if name != CONFIG_FILE.parent.name)


def nearest_folder(missing: Path) -> str:
    """The tail of a sentence that names the existing folder nearest to one that is not there."""
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
    """Sort key that takes digits as numbers.

    >>> [str(path) for path in sorted([Path("run10"), Path("run9")], key=natural)]
    ['run9', 'run10']
    """
    pieces = re.split(r"(\d+)", str(path))
    return [(1, int(piece), "") if piece.isdecimal() else (0, 0, piece) for piece in pieces]
