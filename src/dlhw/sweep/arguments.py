"""The arguments of a sweep that are not config keys: `seeds=3`, `zip={...}`, `grids=[...]`."""

import shlex
from collections.abc import Sequence

from dlhw.errors import ConfigError

SWEEP_KEYS = ("zip", "grids", "seeds")
MULTIRUN = ("-m", "--multirun", "hydra.mode=MULTIRUN")
# Every experiment is a sweep, and its file says so.
EXPERIMENT = "experiment="


def sweep_arguments(arguments: Sequence[str]) -> list[str]:
    """Write `seeds=3` as `+seeds=3`: Hydra composes the arguments of a sweep before any sweeper sees them,
    and takes a key that the config does not have only with a plus.

    Raises:
        ConfigError: if such an argument is given for a single run, or twice.

    >>> sweep_arguments(["-m", "optimizer.lr=1,2", "seeds=3"])
    ['-m', 'optimizer.lr=1,2', '+seeds=3']
    """
    _check_one_experiment(arguments)
    given = [each for each in arguments if each.lstrip("+").partition("=")[0] in SWEEP_KEYS]
    if given and not _is_sweep(arguments):
        raise ConfigError(f"{given[0]} belongs to a sweep: add -m")
    keys = [each.lstrip("+").partition("=")[0] for each in given]
    for key in keys:
        if keys.count(key) > 1:
            raise ConfigError(
                f"{key} is given twice; if the shell took its braces apart, write '+{key}={{...}}'"
            )
    return [f"+{each.lstrip('+')}" if each in given else each for each in arguments]


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
    return bool(set(MULTIRUN) & set(arguments)) or any(each.startswith(EXPERIMENT) for each in arguments)
