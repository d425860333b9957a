"""Download of missing files: checked by MD5, and atomic."""

import gzip
import hashlib
import shutil
import tempfile
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError

from rich.console import Console
from rich.progress import Progress

from dlhw.data.formats import is_there, one_line
from dlhw.errors import DataError

TIMEOUT = 30.0  # seconds without a byte
CHUNK = 1 << 18


@dataclass(frozen=True)
class RemoteFile:
    """A file that can be downloaded."""

    urls: tuple[str, ...]
    """tried in this order"""
    md5: str
    """of the bytes at the URLs"""
    gzipped: bool = False
    """whether these bytes must be decompressed to get the file"""


def obtain(path: Path, find_remote: Callable[[], RemoteFile], download: bool, remedy: str) -> None:
    """Make sure that `path` exists; download it if that is allowed.

    Args:
        path: the file.
        find_remote: returns where to download it from; called only if needed.
        download: whether it may be downloaded.
        remedy: what the user can do, as an imperative.

    Raises:
        DataError: the file is missing and may not, or could not, be downloaded; no partial file is left.
    """
    if is_there(path):
        return
    if not download:
        raise DataError(f"{path.name} is missing in {path.parent}: {remedy}, or set data.download=true")
    try:
        fetch(find_remote(), path)
    except DataError as error:
        raise DataError(
            f"{path.name} is missing in {path.parent} and could not be fetched ({error}): {remedy}, "
            "or set data.mirror to a server that has it"
        ) from error


def fetch(remote: RemoteFile, path: Path) -> None:
    """Download into a temporary folder beside `path`, check, decompress, and rename.

    Raises:
        DataError: no URL delivered the right bytes, or the folder cannot be written.
    """
    new_folders = [folder for folder in path.parents if not folder.exists()]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # In the same folder, because a rename is atomic only within one file system.
        with tempfile.TemporaryDirectory(prefix=".download-", dir=path.parent) as temporary:
            whole = _first_whole(remote, Path(temporary) / "download")
            if remote.gzipped:
                whole = _decompress(whole)
            whole.replace(path)
    except OSError as error:
        raise DataError(f"{path.parent} cannot be written: {error.strerror or error}") from error
    finally:
        for folder in new_folders:
            with suppress(OSError):  # a folder that is not empty stays
                folder.rmdir()


def _first_whole(remote: RemoteFile, target: Path) -> Path:
    reasons = []
    for url in remote.urls:
        try:
            md5 = _download(url, target)
        except (OSError, HTTPException, ValueError) as error:
            if isinstance(error, HTTPError):
                error.close()
            reasons.append(f"{url}: {one_line(error)}")
            continue
        if md5 == remote.md5:
            return target
        reasons.append(f"{url}: MD5 is {md5}, must be {remote.md5}")
    raise DataError("; ".join(reasons))


def _download(url: str, target: Path) -> str:
    md5 = hashlib.md5(usedforsecurity=False)
    console = Console(stderr=True)
    with (
        urllib.request.urlopen(url, timeout=TIMEOUT) as response,
        target.open("wb") as file,
        Progress(console=console, transient=True, disable=not console.is_terminal) as progress,
    ):
        size = response.headers.get("Content-Length")
        bar = progress.add_task(url.rsplit("/", 1)[-1], total=int(size) if size else None)
        while chunk := response.read(CHUNK):
            md5.update(chunk)
            file.write(chunk)
            progress.advance(bar, len(chunk))
    return md5.hexdigest()


def _decompress(packed: Path) -> Path:
    unpacked = packed.with_suffix(".unpacked")
    with gzip.open(packed) as source, unpacked.open("wb") as target:
        shutil.copyfileobj(source, target)
    return unpacked
