"""Tables between markers in a document, so that no number is copied by hand.

`<!-- bench: NAME begin -->` and `<!-- bench: NAME end -->` stand on lines of their own; NAME is `about`,
`aims` or a scenario. The text between them is replaced.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from dlhw.errors import RunFolderError, did_you_mean, listing
from dlhw.files import write_atomic

BEGIN = re.compile(r"^<!-- bench: (\w+) begin -->$", re.MULTILINE)


def fill(path: Path, sections: Mapping[str, str]) -> None:
    """Replace the text between the markers of a file.

    Args:
        path: path of the document.
        sections: name -> Markdown.

    Raises:
        RunFolderError: see `check_markers`; the file stays as it is.
    """
    text = check_markers(path, sections)
    for name in BEGIN.findall(text):
        begin, end = _markers(name)
        before, _, rest = text.partition(begin)
        _, _, after = rest.partition(end)
        text = f"{before}{begin}\n\n{sections[name].strip()}\n\n{end}{after}"
    write_atomic(path, text)


def check_markers(path: Path, known: Iterable[str]) -> str:
    """Return the text of a file after checking that its markers can be filled.

    Args:
        path: path of the document.
        known: names of the available sections.

    Raises:
        RunFolderError: if the file cannot be read, has no marker, has a marker twice or without an end, or
            one with an unknown name.
    """
    known = list(known)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RunFolderError(f"--fill {path}: cannot be read: {error}") from error
    names = BEGIN.findall(text)
    if not names:
        raise RunFolderError(f"--fill {path}: has no line such as {_markers('aims')[0]}")
    for name in names:
        if name not in known:
            raise RunFolderError(
                f"--fill {path}: the marker {name} is no name of a measurement"
                f"{did_you_mean(name, known) or ';'} known names: {listing(known)}"
            )
        begin, end = _markers(name)
        if text.count(begin) != 1 or text.partition(begin)[2].count(end) != 1:
            raise RunFolderError(f"--fill {path}: must hold {begin} once, and {end} once after it")
    return text


def _markers(name: str) -> tuple[str, str]:
    return f"<!-- bench: {name} begin -->", f"<!-- bench: {name} end -->"
