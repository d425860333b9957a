"""The arguments of a sweep that are not config keys: `seeds=3`, `zip={...}`, `grids=[...]`."""

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


def _is_sweep(arguments: Sequence[str]) -> bool:
    return bool(set(MULTIRUN) & set(arguments)) or any(each.startswith(EXPERIMENT) for each in arguments)
