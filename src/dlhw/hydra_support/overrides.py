"""Arguments of a command in Hydra's syntax: sweeps taken apart, values quoted, `seeds=3` made `+seeds=3`."""

import shlex
from collections.abc import Sequence
from functools import cache
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, Quote, QuotedString
from hydra.errors import HydraException

from dlhw.errors import ConfigError
from dlhw.sweep.grid import REFERENCE, SWEEP_KEYS, Argument

MULTIRUN = ("-m", "--multirun", "hydra.mode=MULTIRUN")
# Every experiment is a sweep, and its file says so.
EXPERIMENT = "experiment="


class HydraSyntax:
    """Hydra's syntax of arguments.

    Args:
        loader: Hydra's, which knows the groups; None: no argument chooses an option of a group.
    """

    def __init__(self, loader: ConfigLoader | None = None) -> None:
        self._parser = OverridesParser.create(config_loader=loader)

    def parse(self, line: str) -> Argument:
        """Take an argument apart.

        Raises:
            HydraException: if it is not `KEY=VALUE`, or sweeps a range without values.
        """
        return _argument(self._parser.parse_override(line))

    def parse_all(self, lines: Sequence[str]) -> list[Argument]:
        """Take arguments apart."""
        return [_argument(override) for override in self._parser.parse_overrides(list(lines))]

    def text(self, value: Any) -> str:
        """A value as it is written behind `KEY=`."""
        return value_text(value)


def _argument(override: Override) -> Argument:
    line, target = str(override.input_line), override.get_key_element()
    is_sweep = override.is_sweep_override()
    if is_sweep and not override.is_discrete_sweep():
        raise HydraException(f"the grid sweeper has no values to take from {line}")
    is_deleted = override.is_delete()
    values = tuple(override.sweep_string_iterator()) if is_sweep else ()
    return Argument(
        key=override.key_or_group,
        line=line,
        target=target,
        values=values if is_sweep or is_deleted else (override.get_value_element_as_str(),),
        is_sweep=is_sweep,
        is_added=override.is_add() or override.is_force_add(),
        value=None if is_sweep or is_deleted else override.value(),
    )


@cache
def parse_argument(line: str) -> Argument:
    """Take an argument apart without knowing any group."""
    return HydraSyntax().parse(line)


def value_text(value: Any) -> str:
    """A value as it is written on a command line; `${key}` is left for the run's config to resolve.

    >>> value_text([64, None, True, "a b"])
    '[64,null,true,a\\\\ b]'
    >>> value_text("n${data.num_train}, b")
    "'n${data.num_train}, b'"
    """
    if isinstance(value, str) and REFERENCE in value:
        return quoted(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{','.join(map(value_text, value))}]"
    return Override._get_value_element_as_str(value)


def quoted(text: str) -> str:
    r"""Text in quotes, which Hydra takes literally.

    >>> print(quoted("a folder's, name=1"))
    'a folder\'s, name=1'
    """
    return str(QuotedString(text=text, quote=Quote.single).with_quotes())


def sweep_arguments(arguments: Sequence[str]) -> list[str]:
    """Write `seeds=3` as `+seeds=3`.

    Hydra composes the arguments of a sweep before any sweeper sees them, and takes a key that the config does
    not have only with a plus.

    Raises:
        ConfigError: if such an argument is given for a single run, or twice.

    >>> sweep_arguments(["-m", "optimizer.lr=1,2", "seeds=3"])
    ['-m', 'optimizer.lr=1,2', '+seeds=3']
    """
    _check_one_experiment(arguments)
    given = [argument for argument in arguments if _key(argument) in SWEEP_KEYS]
    if given and not _is_sweep(arguments):
        raise ConfigError(f"{given[0]} belongs to a sweep: add -m")
    keys = list(map(_key, given))
    for key in keys:
        if keys.count(key) > 1:
            raise ConfigError(
                f"{key} is given twice; if the shell expanded its braces, write '+{key}={{...}}'"
            )
    return [f"+{argument.lstrip('+')}" if argument in given else argument for argument in arguments]


def _key(argument: str) -> str:
    return argument.lstrip("+").partition("=")[0]


def _check_one_experiment(arguments: Sequence[str]) -> None:
    """Each experiment is a sweep of its own, with its own grid; two in one command would lose both."""
    for argument in arguments:
        names = argument.removeprefix(EXPERIMENT).split(",")
        if argument.startswith(EXPERIMENT) and len(names) > 1:
            others = [other for other in arguments if other != argument and other not in MULTIRUN]
            commands = [shlex.join(["dlhw-train", EXPERIMENT + name, *others]) for name in names]
            raise ConfigError(
                f"a command runs one experiment: run {' and '.join(f'`{c}`' for c in commands)}"
            )


def _is_sweep(arguments: Sequence[str]) -> bool:
    return bool(set(MULTIRUN) & set(arguments)) or any(
        argument.startswith(EXPERIMENT) for argument in arguments
    )
