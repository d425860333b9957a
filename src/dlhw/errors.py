"""The errors a user sees: one clear sentence, exit status 1, no traceback."""

import re
from collections.abc import Iterable
from difflib import get_close_matches

ENDLESS = re.compile(r"\S{600,}")  # longer than any reasonable path


class UserError(ValueError):
    """An error that the user can fix; the message names the key or file, the value found, and the remedy.

    Names from files can contain anything: what a terminal would obey, such as an escape sequence, is escaped,
    and only the beginning of an extremely long word is shown.

    >>> str(UserError(f"data.name must be csv, got {'x' * 1000}")).endswith("xxx... (1000 characters)")
    True
    """

    def __str__(self) -> str:
        text = ENDLESS.sub(lambda word: f"{word[0][:100]}... ({len(word[0])} characters)", super().__str__())
        return "".join(char if char.isprintable() or char == "\n" else repr(char)[1:-1] for char in text)


class ConfigError(UserError):
    """The composed config is not valid."""


class DataError(UserError):
    """A data file is missing, damaged, or does not contain what the config requires."""


class RunFolderError(UserError):
    """A folder is not a run folder, or holds a run that would be overwritten."""


class DivergedError(UserError):
    """A run's loss or gradients were not finite, and its config calls that an error."""


# Other common names -> options of dlhw; the first allowed one is suggested.
SYNONYMS = {
    "mse": ("squared_error",),
    "mse_loss": ("squared_error",),
    "l2_loss": ("squared_error",),
    "bce": ("binary_cross_entropy",),
    "ce": ("cross_entropy",),
    "nll": ("cross_entropy",),
    "softmax_cross_entropy": ("cross_entropy",),
    "log_loss": ("binary_cross_entropy",),
    "logloss": ("binary_cross_entropy",),
    "logistic": ("sigmoid",),
    "linear": ("identity",),
    "gpu": ("cuda",),
    "weight_decay": ("l2",),
    "ridge": ("l2",),
    "lasso": ("l1",),
    "double": ("float64",),
    "float": ("float32",),
    "he_normal": ("kaiming_normal",),
    "he_uniform": ("kaiming_uniform",),
    "glorot_normal": ("xavier_normal",),
    "glorot_uniform": ("xavier_uniform",),
}


def did_you_mean(word: str, options: Iterable[str]) -> str:
    """Name the nearest option, as the end of a sentence; empty if nothing is near.

    A known synonym counts as near; an option with another number in its name does not.

    >>> did_you_mean("hiden", ["hidden", "dropout"])
    '; did you mean hidden?'
    >>> did_you_mean("xyz", ["hidden", "dropout"])
    ''
    >>> did_you_mean("mse", ["cross_entropy", "squared_error"])
    '; did you mean squared_error?'
    >>> did_you_mean("bfloat16", ["float32", "float64"])
    ''
    """
    allowed = list(options)
    synonyms = [name for name in SYNONYMS.get(word.lower(), ()) if name in allowed]
    alike = [name for name in allowed if not _has_other_number(word, name)]
    lowered = [name for name in allowed if name.lower() == word.lower()]
    near = [*synonyms, *lowered, *get_close_matches(word, alike, n=1, cutoff=0.6)]
    return f"; did you mean {near[0]}?" if near else ""


def _has_other_number(word: str, name: str) -> bool:
    one, other = re.findall(r"\d+", word), re.findall(r"\d+", name)
    return bool(one and other) and one != other


def listing(options: Iterable[object]) -> str:
    """Join options for a sentence.

    >>> listing(["a", "b"])
    'a, b'
    """
    return ", ".join(str(option) for option in options)
