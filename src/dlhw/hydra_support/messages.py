"""Turn errors of Hydra and OmegaConf into one sentence: the key, the value, what is allowed, the nearest."""

import dataclasses
import errno
import os
import re
import typing
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from traceback import walk_tb
from typing import Any

from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf import ListConfig
from omegaconf.errors import (
    ConfigAttributeError,
    ConfigKeyError,
    InterpolationResolutionError,
    OmegaConfBaseException,
)

from dlhw.config.catalogue import no_such_experiment
from dlhw.config.messages import in_words, nearest, unknown_key
from dlhw.config.root import TrainConfig
from dlhw.errors import UserError, did_you_mean, listing

FULL_ERROR = "HYDRA_FULL_ERROR"
# Errors of a write that are not defects of dlhw; they may name no file.
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS)


class Refused(SystemExit):
    """A `UserError` that leaves Hydra as it is: Hydra only warns of other exceptions in a callback."""

    def __init__(self, error: UserError) -> None:
        super().__init__(1)
        self.error = error


def explain(error: BaseException) -> str:
    """One sentence for an error while composing or converting a config; the innermost cause says most."""
    for link in _causes(error):
        if isinstance(link, OverrideParseException):
            return f"cannot read the argument {link.override!r}, expected KEY=VALUE or GROUP=OPTION"
        if isinstance(link, MissingConfigException) and link.options:
            return _missing_option(link)
        if isinstance(link, OmegaConfBaseException) and link.full_key:
            return _value_of_key(link)
    return _composition(_first_line(error))


def _causes(error: BaseException | None) -> list[BaseException]:
    links: list[BaseException] = []
    while error is not None:
        links.append(error)
        error = error.__cause__
    return links[::-1]


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].strip() if lines else type(error).__name__


def is_internal(option: str) -> bool:
    """Whether an option cannot be chosen: a schema, or a file that several options share."""
    return option.rpartition("/")[2].startswith(("base_", "_"))


def _missing_option(error: MissingConfigException) -> str:
    path = str(error.missing_cfg_file)
    if path.startswith("experiment/"):
        return no_such_experiment(path.removeprefix("experiment/"))
    group, _, option = path.rpartition("/")
    options = sorted(name for name in error.options or [] if not is_internal(name))
    return f"{group}={option}: no such option{nearest(option, options)} available: {listing(options)}"


def _value_of_key(error: OmegaConfBaseException) -> str:
    key, schema = _key_of(error), error.object_type
    if isinstance(error, InterpolationResolutionError):
        return f"{key} refers to something that cannot be resolved: {_first_line(error)}"
    if isinstance(error, ConfigAttributeError | ConfigKeyError):
        return unknown_key(key, schema)
    return f"{key} {_allowed(error)}, {_found(error)}"


def _key_of(error: OmegaConfBaseException) -> str:
    """The whole key. OmegaConf creates list elements separately, and its errors do not name the list."""
    inside, list_key = str(error.full_key), getattr(error.object_type, "list_key", "")
    above = list(_elements(error))
    if above:
        return ".".join([*above, inside])
    return inside if inside.startswith(list_key) else f"{list_key}[].{inside}"


def _elements(error: BaseException) -> Iterator[str]:
    """List elements that were being created, such as `experiment.checks[1]`, outermost first.

    Only the stack frames of OmegaConf's merging know them; if that changes, the message has `[]` instead.
    """
    merging: Any = None
    for frame, _ in walk_tb(error.__traceback__):
        if merging is not None and frame.f_code.co_name == "merge":
            target, elements = merging
            yield f"{target._get_full_key(None)}[{len(elements)}]"
        lists = frame.f_locals.get("dest"), frame.f_locals.get("temp_target")
        merging = lists if all(isinstance(value, ListConfig) for value in lists) else None


def _hint(error: OmegaConfBaseException) -> object:
    """The type that a field, or an element of a list, is declared with; None if unknown."""
    schema = error.object_type
    if isinstance(schema, type) and dataclasses.is_dataclass(schema):
        return typing.get_type_hints(schema).get(str(error.key))
    elements = typing.get_args(error.ref_type)
    return elements[0] if elements else None


def _allowed(error: OmegaConfBaseException) -> str:
    """What a key accepts, in words: `must be a number`, `must be one of a, b`."""
    hint = _hint(error)
    return "does not fit" if hint is None else f"must be {in_words(hint)}"


def _found(error: OmegaConfBaseException) -> str:
    """The value that was given, and the nearest choice if it is misspelt."""
    line, hint = _first_line(error), _hint(error)
    match = re.search(r"[Vv]alue '(.*?)'", line)
    if match is None:
        kind = re.search(r"assigned: (\w+) is not", line)
        return f"got a value of type {kind.group(1)}" if kind else f"got something else ({line})"
    choices = list(hint.__members__) if isinstance(hint, type) and issubclass(hint, Enum) else []
    return f"got {match.group(1)}{did_you_mean(match.group(1), choices)}"


def _several_values(argument: str) -> str:
    key, _, values = argument.partition("=")
    return (
        f"{argument} names several values, which is a sweep: add -m; "
        f"a list is written {key}=[{values}], in quotes if the shell interprets brackets"
    )


def _composition(text: str) -> str:
    """Errors that name no key of a schema: an unknown group, a default that cannot be changed."""
    experiment = re.search(r"Could not (?:find|load) 'experiment/([^']+)'", text)
    if experiment is not None:
        return no_such_experiment(experiment.group(1))
    twice = re.match(r"Multiple values for (\S+?)\. .*: (\S+)'", text)
    if twice is not None:
        return f"{twice[1]} is already chosen: {twice[1]}={twice[2]}, without +, chooses another"
    added = re.match(r"Could not append to config\. An item is already at '([^']+)'", text)
    if added is not None:
        return f"{added[1]} already exists: {added[1]}=VALUE, without +, sets it"
    several = re.match(r"Ambiguous value for argument '(.+)'$", text)
    if several is not None:
        return _several_values(several[1])
    match = re.match(r"Could not (?:override|append|delete)[^']*'([^'@]+)", text)
    if match is None:
        return text
    return unknown_key(match.group(1), TrainConfig)


def explain_any(error: BaseException) -> str | None:
    """One sentence for an error that the user can remedy; None for any other."""
    if isinstance(error, Refused):
        return str(error.error)
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, HydraException | OmegaConfBaseException):
        return explain(error)
    if isinstance(error, OSError) and (error.filename is not None or error.errno in NO_ROOM):
        return f"{error.filename or 'a file could not be written'}: {error.strerror}"
    return _out_of_memory(error) if isinstance(error, MemoryError | RuntimeError) else None


def _out_of_memory(error: BaseException) -> str | None:
    from dlhw.execution.memory import is_out_of_memory  # torch takes a second, and has been imported by now

    if not is_out_of_memory(error):
        return None
    wanted = re.search(r"allocate (\d+) bytes", str(error))
    size = f" ({int(wanted[1]) / 1e9:,.1f} GB were asked for at once)" if wanted else ""
    return f"out of memory{size}: a smaller model, trainer.batch_size or data.limit needs less"


@contextmanager
def hydra_raises() -> Iterator[None]:
    """Hydra prints errors in its own way and exits; with this setting it raises them instead."""
    os.environ[FULL_ERROR] = "1"
    try:
        yield
    finally:
        os.environ.pop(FULL_ERROR, None)
