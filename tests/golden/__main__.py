"""`make golden`: train short runs with an earlier commit and with this tree, and compare them bit for bit.

A restructuring changes no number: parameters, curves and summaries of every run must be equal. The runs use keys
that both trees understand, in the form that the older one knows.
"""

import argparse
import io
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Collection, Sequence
from pathlib import Path

from tests.golden.recording import Fingerprint, names, record

ROOT = Path(__file__).parents[2]
# The commit before the packages got their present structure.
BASE = "50416d3"


def main() -> int:
    """Returns 1 if any run differs."""
    options = _options(sys.argv[1:])
    with tempfile.TemporaryDirectory(prefix="dlhw-golden-") as folder:
        base, tree = Path(folder) / "base", Path(folder) / "tree"
        _check_out(options.base, base)
        _copy(tree)
        before = record(base, Path(folder) / "before", options.names)
        after = record(tree, Path(folder) / "after", options.names)
    changed = {name: _differences(before, after, name) for name in sorted({*before, *after})}
    for name, keys in changed.items():
        if keys:
            print(f"{name}: {', '.join(keys)}")
    num_changed = sum(map(bool, changed.values()))
    print(f"{len(changed)} runs of {options.base} and of this tree: {num_changed} differ")
    return int(num_changed > 0)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.golden", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"default: all of {', '.join(names())}")
    parser.add_argument(
        "--base", default=BASE, metavar="COMMIT", help=f"what to compare with (default {BASE})"
    )
    options = parser.parse_args(arguments)
    unknown = [name for name in options.names if name not in names()]
    if unknown:
        parser.error(f"no golden run is named {unknown[0]}; there are {', '.join(names())}")
    return options


def _check_out(commit: str, folder: Path) -> None:
    """The source of a commit in a folder of its own."""
    command = ["git", "archive", commit, "pyproject.toml", "conf", "src"]
    try:
        packed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        raise SystemExit(
            f"commit {commit} is not in this checkout, so that there is nothing to compare with"
        ) from None
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(folder, filter="data")


def _copy(folder: Path) -> None:
    """This tree's files as they are, so that an edit meanwhile changes nothing."""
    folder.mkdir()
    shutil.copy(ROOT / "pyproject.toml", folder)
    for name in ("conf", "src"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))


def _differences(before: dict[str, Fingerprint], after: dict[str, Fingerprint], name: str) -> Collection[str]:
    """Which of a run's values differ."""
    if name not in before or name not in after:
        return ["the run itself"]
    keys = {*before[name], *after[name]}
    return sorted(key for key in keys if before[name].get(key) != after[name].get(key))


if __name__ == "__main__":
    raise SystemExit(main())
