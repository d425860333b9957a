"""dlhw's own source: its version, its hash, and the git commit of its repository."""

import functools
import hashlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import dlhw

PACKAGE = Path(dlhw.__file__).parent
GIT_SECONDS = 5.0
# Where the numbers of a run are computed. What only records, shows, schedules or compares runs is not here: a
# change of it leaves finished runs valid.
NUMERIC = (
    "config", "data", "kernels", "models", "nn", "optim", "procedures", "training", "random.py",
)  # fmt: skip
# Modules of `config` that say what is reported and how an error reads. The others choose what `auto` means
# and how data is split; default values are part of every run's own config.
NOT_NUMERIC = (
    "config/catalogue.py", "config/experiment.py", "config/experiment_entries.py", "config/messages.py",
    "config/saved.py", "config/tracking.py",
)  # fmt: skip


@functools.cache
def code_version() -> str:
    """Version, and a hash of the source files that numbers can depend on.

    Files are hashed as they are, comments included: to parse them would delay every command.
    """
    return f"{dlhw.__version__} ({numeric_hash(PACKAGE)[:12]})"


def numeric_hash(package: Path) -> str:
    """SHA-256 of the files of a package that numbers can depend on."""
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        inside = path.relative_to(package)
        if inside.parts[0] in NUMERIC and inside.as_posix() not in NOT_NUMERIC:
            digest.update(f"{inside.as_posix()}\0".encode() + path.read_bytes())
    return digest.hexdigest()


@functools.cache  # a cohort asks once for each of its runs
def git_state(folder: Path = PACKAGE) -> dict[str, Any] | None:
    """The repository of a folder of source files, its commit, and whether files differ from it.

    Files are compared with the commit by their hashes, computed here: `git status` and `git diff` would run
    the filters that the repository's attributes name.

    Args:
        folder: of the source files; dlhw's own by default.

    Returns:
        `repository` (its top folder), `commit`, and `dirty`: whether a tracked file below `folder` has
        another content than in the commit, or a Python file is not tracked. None without git, or if no file
        of the folder is tracked.
    """
    head = _git(folder, "rev-parse", "--show-toplevel", "HEAD")
    tracked = _git(folder, "ls-tree", "-r", "-z", "HEAD", "--", ".")
    if not head or not tracked:
        return None
    top, commit = head.decode(errors="replace").splitlines()
    entries = [line.split(b"\t", 1) for line in tracked.split(b"\0") if line]
    hashes = {os.fsdecode(name): about.split()[2].decode() for about, name in entries}
    is_changed = any(not _has_blob(folder / name, digest) for name, digest in hashes.items())
    is_extended = any(path.relative_to(folder).as_posix() not in hashes for path in folder.rglob("*.py"))
    return {"repository": top, "commit": commit, "dirty": is_changed or is_extended}


def _has_blob(path: Path, digest: str) -> bool:
    """Whether a file has the content of a blob, apart from line ends, which a checkout may have changed."""
    try:
        content = os.fsencode(path.readlink()) if path.is_symlink() else path.read_bytes()
    except OSError:
        return False
    algorithm = "sha1" if len(digest) == 40 else "sha256"
    contents = (content, content.replace(b"\r\n", b"\n"))
    blobs = (b"blob %d\0" % len(text) + text for text in contents)
    return any(hashlib.new(algorithm, blob, usedforsecurity=False).hexdigest() == digest for blob in blobs)


def _git(folder: Path, *arguments: str) -> bytes | None:
    """Output of a git command that only reads objects and references; None without git or on any failure.

    Nothing that a repository names is executed: these commands use no filters, hooks or monitors, and a
    partial clone may not fetch missing objects.
    """
    binary = shutil.which("git")
    if binary is None:
        return None
    command = [binary, "--no-optional-locks", "-c", "core.fsmonitor=false", "-c", "protocol.allow=never"]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    ceiling = {name: value for name, value in os.environ.items() if name == "GIT_CEILING_DIRECTORIES"}
    quiet = {"GIT_TERMINAL_PROMPT": "0", "GIT_NO_LAZY_FETCH": "1", "GIT_NO_REPLACE_OBJECTS": "1"}
    try:
        done = subprocess.run(
            [*command, *arguments], cwd=folder, env=kept | ceiling | quiet, stdin=subprocess.DEVNULL,
            capture_output=True, timeout=GIT_SECONDS,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
