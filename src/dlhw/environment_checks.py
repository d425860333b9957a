"""Checks of a command's environment before it starts: locale, current folder, output streams, paths."""

import os
import sys
from collections.abc import Iterator
from io import BufferedWriter, FileIO, TextIOWrapper
from pathlib import Path
from typing import Any

from dlhw.errors import UserError


def check_environment() -> None:
    """Make the output streams usable, and check that every path can be encoded.

    Raises:
        UserError: if the current folder is gone, or a path has characters outside of the locale's encoding.
    """
    _open_streams()
    for what, text in _paths():
        if any(
            "\udc80" <= letter <= "\udcff" for letter in text
        ):  # how Python keeps bytes that it cannot read
            raise UserError(
                f"{what} {os.fsencode(text).decode(errors='replace')} has characters outside of "
                f"{sys.getfilesystemencoding()}, the encoding of file names here: set PYTHONUTF8=1, "
                "or a locale with UTF-8 such as LC_ALL=C.UTF-8"
            )


def _open_streams() -> None:
    """Replace a closed stream by the null device: otherwise the next opened file would receive the output."""
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


class LastingFile(FileIO):
    """A stream whose reader may go away (`dlhw-train | head`); later output is dropped."""

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.fileno())
            return memoryview(data).nbytes


def outlast_readers() -> None:
    """Let the command finish its work even if nobody reads its output any more."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if isinstance(stream, TextIOWrapper):
            stream.flush()
            lasting = BufferedWriter(LastingFile(stream.fileno(), "wb", closefd=False))
            is_lined = stream.line_buffering
            setattr(
                sys, name, TextIOWrapper(lasting, stream.encoding, stream.errors, line_buffering=is_lined)
            )


def _paths() -> Iterator[tuple[str, str]]:
    try:
        yield "the current folder", os.getcwd()
    except FileNotFoundError as error:
        raise UserError("the current folder does not exist any more: change to one that does") from error
    yield from (("the argument", argument) for argument in sys.argv[1:])
    yield "DLHW_DATA_DIR", os.environ.get("DLHW_DATA_DIR", "")


def shared_folders() -> list[str]:
    """Folders with data of system packages, by the XDG Base Directory Specification."""
    folders = (os.environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share").split(":")
    return [folder for folder in folders if os.path.isabs(folder)]


def expanded(path: str) -> Path:
    """A path in which `~` is the home directory; without a home directory `~` stays, and no file is found."""
    return Path(os.path.expanduser(path))
