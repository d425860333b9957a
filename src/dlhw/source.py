"""dlhw's own source: its version, and the commit of the repository that it lies in."""

import functools
import hashlib
from pathlib import Path

import dlhw

# Modules that no run's numbers depend on.
NOT_HASHED = (
    "reporting", "reproduce", "sweep", "cache.py", "cli.py", "evaluate.py", "gradcheck.py", "interruption.py",
    "locks.py", "plan.py", "report.py", "resume.py", "source.py", "surroundings.py",
)  # fmt: skip


@functools.cache
def code_version() -> str:
    """Version, and a hash of the source files that numbers can depend on."""
    root, digest = Path(dlhw.__file__).parent, hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        inside = path.relative_to(root)
        if inside.parts[0] not in NOT_HASHED:
            digest.update(f"{inside.as_posix()}\0".encode() + path.read_bytes())
    return f"{dlhw.__version__} ({digest.hexdigest()[:12]})"
