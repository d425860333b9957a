"""Find run folders: whatever has a `.hydra/config.yaml`, wherever it was moved or copied to."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from dlhw.errors import RunFolderError

CONFIG_FILE = Path(".hydra") / "config.yaml"
OVERRIDES_FILE = Path(".hydra") / "overrides.yaml"


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
        raise RunFolderError(f"{root} is not a folder")
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


def natural(path: Path) -> list[tuple[int, int, str]]:
    """Sort key that takes digits as numbers.

    >>> [str(path) for path in sorted([Path("run10"), Path("run9")], key=natural)]
    ['run9', 'run10']
    """
    pieces = re.split(r"(\d+)", str(path))
    return [(1, int(piece), "") if piece.isdecimal() else (0, 0, piece) for piece in pieces]
