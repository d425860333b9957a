"""The errors a user sees: one clear sentence, exit status 1, no traceback."""

import re
from collections.abc import Iterable
from difflib import get_close_matches

ENDLESS = re.compile(r"\S{600,}")  # longer than the path of any file that people name


class UserError(ValueError):
    """Something the user can mend; the message names the key or file, the value found, and the remedy.

    Names from files can hold anything; what a terminal would obey, such as an escape sequence, is spelt out,
    and of a word without end the beginning is told.

    >>> str(UserError(f"data.name must be csv, got {'x' * 1000}")).endswith("xxx... (1000 letters)")
    True
    """

    def __str__(self) -> str:
        letters = ENDLESS.sub(lambda word: f"{word[0][:100]}... ({len(word[0])} letters)", super().__str__())
        return "".join(each if each.isprintable() or each == "\n" else repr(each)[1:-1] for each in letters)


class ConfigError(UserError):
    """The composed config cannot be run."""


class DataError(UserError):
    """A data file is missing, damaged, or does not hold what the config asks of it."""


class RunFolderError(UserError):
    """A folder is not a run folder, or holds a run that would be overwritten."""


class DivergedError(UserError):
    """A run's loss or gradients were not finite, and its config calls that an error."""


def did_you_mean(word: str, options: Iterable[str]) -> str:
    """Name the nearest option, as the tail of a sentence; empty when nothing is near.

    >>> did_you_mean("hiden", ["hidden", "dropout"])
    '; did you mean hidden?'
    >>> did_you_mean("xyz", ["hidden", "dropout"])
    ''
    """
    near = get_close_matches(word, list(options), n=1, cutoff=0.6)
    return f"; did you mean {near[0]}?" if near else ""


def listing(options: Iterable[object]) -> str:
    """Join options for a sentence.

    >>> listing(["a", "b"])
    'a, b'
    """
    return ", ".join(str(option) for option in options)
