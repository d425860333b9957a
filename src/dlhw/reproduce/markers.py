"""Generated tables in a written page: the text between two markers is replaced, all other text stays."""

from pathlib import Path

from dlhw.errors import RunFolderError
from dlhw.runs.files import write_atomic


def write_between(path: Path, begin: str, end: str, text: str) -> None:
    """Replace what stands between two markers of a file.

    Args:
        path: of the file.
        begin: the line before the text.
        end: the line after it.
        text: the new text.

    Raises:
        RunFolderError: if the file lacks a marker.
    """
    before, found, rest = path.read_text(encoding="utf-8").partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise RunFolderError(
            f"{path} must hold the lines {begin} and {end}, with nothing but the table between"
        )
    write_atomic(path, f"{before}{begin}\n{text}\n{end}{after}")
