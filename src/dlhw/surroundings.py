"""What a command finds around it: the locale, the folder that it stands in, who listens."""

import os
import sys
from collections.abc import Iterator
from io import BufferedWriter, FileIO, TextIOWrapper
from pathlib import Path
from typing import Any

from dlhw.errors import UserError


def check_surroundings() -> None:
    """Make whatever is printed printable, and be sure that every path can be spelt.

    Raises:
        UserError: if the current folder is gone, or a path has letters that the locale does not know.
    """
    _open_streams()
    for what, text in _paths():
        if any(
            "\udc80" <= letter <= "\udcff" for letter in text
        ):  # how Python keeps bytes that it cannot read
            raise UserError(
                f"{what} {os.fsencode(text).decode(errors='replace')} has letters outside of "
                f"{sys.getfilesystemencoding()}, the encoding of file names here: set PYTHONUTF8=1, "
                "or a locale with UTF-8 such as LC_ALL=C.UTF-8"
            )


def _open_streams() -> None:
    """A closed stream becomes a deaf one: else the next file that is opened would get what is printed."""
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


class LastingFile(FileIO):
    """A stream whose reader may go away (`dlhw-train | head`); what is written from then on is dropped."""

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.fileno())
            return memoryview(data).nbytes


def outlast_readers() -> None:
    """Let the command finish its work when nobody reads its output any more."""
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
    """Folders with data that the system's packages install, by the XDG Base Directory Specification."""
    folders = (os.environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share").split(":")
    return [folder for folder in folders if os.path.isabs(folder)]


def expanded(path: str) -> Path:
    """A path with `~` for the home directory; where there is none, `~` stays, and no such file is found."""
    return Path(os.path.expanduser(path))
