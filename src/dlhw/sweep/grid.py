"""The cells of a sweep: products of axes, values that move together, unions of grids, seeds.

An axis is a list of rows, and a cell takes one row of each axis. The row of a plain `key=1,2` sets one key;
that of a zip sets several, which so move together. Later axes vary fastest, seeds fastest of all.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any, Protocol

from dlhw.errors import ConfigError

SWEEP_KEYS = ("zip", "grids", "seeds")
# The beginning of a value that refers to another key of its config.
REFERENCE = "${"


@dataclass(frozen=True)
class Argument:
    """One argument `KEY=VALUE` of a command, taken apart.

    Args:
        key: config key or group, such as `optimizer.lr`.
        line: the argument as it was written.
        target: what stands before the `=`, such as `+optimizer.lr` or `model@other`.
        values: each value as text; several for `KEY=1,2`.
        is_sweep: whether it was written as a list of values to sweep.
        is_added: whether it begins with `+`.
        value: as plain data, of an argument that sweeps nothing.
    """

    key: str
    line: str
    target: str
    values: tuple[str, ...]
    is_sweep: bool = False
    is_added: bool = False
    value: Any = None

    @property
    def is_extra(self) -> bool:
        """Whether it is `+zip=`, `+grids=` or `+seeds=`."""
        return self.key in SWEEP_KEYS and self.is_added


class Syntax(Protocol):
    """How arguments are written."""

    def parse(self, line: str) -> Argument:
        """Take an argument apart."""

    def text(self, value: Any) -> str:
        """A value as it is written behind `KEY=`."""


@dataclass(frozen=True)
class Setting:
    """One override of a cell.

    Args:
        key: config key or group, such as `optimizer.lr`.
        line: the override of the run, such as `optimizer.lr=0.1`.
        is_swept: whether the value distinguishes the cell; one that only refers to other keys does not.
    """

    key: str
    line: str
    is_swept: bool = True

    @property
    def text(self) -> str:
        """The value as it was written."""
        return self.line.partition("=")[2]


Row = tuple[Setting, ...]
Axis = list[Row]


@dataclass(frozen=True)
class GridCell:
    """One run of a sweep."""

    settings: Row

    @property
    def overrides(self) -> tuple[str, ...]:
        """Of the run, in the order of the command line."""
        return tuple(setting.line for setting in self.settings)

    @property
    def swept(self) -> Row:
        """The settings that distinguish it from other cells."""
        return tuple(setting for setting in self.settings if setting.is_swept)


@dataclass
class Extras:
    """What a sweep has beside lists of values.

    Args:
        zips: groups of key -> values; the values of a group move together.
        grids: key -> values; the sweep is the union of the grids.
        seeds: number of seeds of each cell; None: its own seed.
    """

    zips: list[Mapping[str, Any]] = field(default_factory=list)
    grids: list[Mapping[str, Any]] = field(default_factory=list)
    seeds: int | None = None

    @classmethod
    def of(cls, zip: Any, grids: Any, seeds: Any) -> "Extras":
        """From plain data of a config or a command line.

        Raises:
            ConfigError: if it is of another shape.
        """
        if seeds is not None and (not isinstance(seeds, int) or isinstance(seeds, bool) or seeds < 1):
            raise ConfigError(f"seeds must be an integer >= 1, got {seeds}")
        return cls(_mappings("zip", zip), _mappings("grids", grids), seeds)

    def updated(self, arguments: Sequence[Argument]) -> "Extras":
        """With the arguments `+zip=`, `+grids=` and `+seeds=`, which replace the config's."""
        given = {argument.key: argument.value for argument in arguments}
        own = {"zip": self.zips, "grids": self.grids, "seeds": self.seeds}
        return Extras.of(**(own | given))


def _mappings(key: str, given: Any) -> list[Mapping[str, Any]]:
    listed = [] if given is None else given if isinstance(given, list) else [given]
    if not all(isinstance(group, Mapping) and group for group in listed):
        example = "{optimizer.lr:[1,0.1],regularizer.alpha:[0.001,0.0001]}"
        raise ConfigError(f"{key} must map keys to values, or list such maps, as in +{key}={example}")
    return listed


def cells(
    arguments: Sequence[Argument],
    extras: Extras,
    first_seed: int,
    syntax: Syntax,
    listed: Collection[str] = (),
) -> list[GridCell]:
    """Every cell that a command means.

    Args:
        arguments: of the command line; the last of one key counts.
        extras: zips, grids and seeds.
        first_seed: of the `seeds` seeds; the others follow it.
        syntax: of the arguments.
        listed: keys that the config sweeps; a command that sets one of them to a single value restricts the
            sweep, and the cell is named as it is in the whole one.

    Raises:
        ConfigError: if a key is given twice, or values that move together differ in number.
    """
    named = {argument.target: _axis(argument, listed) for argument in arguments}
    together = [_zipped(group, syntax) for group in extras.zips]
    seeds = _seeds(extras.seeds, first_seed)
    union: list[GridCell] = []
    for grid in extras.grids or [{}]:
        own = [_zipped({key: values}, syntax) for key, values in grid.items()]
        defaults = {*grid, *(["seed"] if seeds else [])}
        kept = [axis for axis in named.values() if not (_is_fixed(axis) and axis[0][0].key in defaults)]
        _refuse_twice(kept, [*together, *own, *seeds])
        axes = [*kept, *together, *own, *seeds]
        union += [GridCell(tuple(setting for row in rows for setting in row)) for rows in product(*axes)]
    return union


def _axis(argument: Argument, listed: Collection[str] = ()) -> Axis:
    if not argument.is_sweep:
        is_swept = argument.key in listed and REFERENCE not in argument.line
        return [(Setting(argument.key, argument.line, is_swept=is_swept),)]
    return [(Setting(argument.key, f"{argument.target}={text}"),) for text in argument.values]


def _is_fixed(axis: Axis) -> bool:
    return bool(axis) and not axis[0][0].is_swept


def _zipped(group: Mapping[str, Any], syntax: Syntax) -> Axis:
    columns = [list(_column(str(key), values, syntax)) for key, values in group.items()]
    if len({len(column) for column in columns}) > 1:
        counts = ", ".join(f"{key} has {len(column)}" for key, column in zip(group, columns, strict=True))
        raise ConfigError(f"values that move together must be as many for each key: {counts}")
    return list(zip(*columns, strict=True))


def _column(key: str, values: Any, syntax: Syntax) -> Iterator[Setting]:
    """The settings of a list of values, or of text as behind `KEY=`, such as `range(1,4)`."""
    if isinstance(values, str):
        argument = syntax.parse(f"{key}={values}")
        yield from (setting for row in _axis(argument, listed=[key]) for setting in row)
    else:
        listed = values if isinstance(values, list) else [values]
        lines = [f"{key}={syntax.text(value)}" for value in listed]
        is_swept = len(lines) > 1 or REFERENCE not in lines[0]
        yield from (Setting(key, line, is_swept) for line in lines)


def _seeds(count: int | None, first: int) -> list[Axis]:
    if count is None:
        return []
    return [[(Setting("seed", f"seed={seed}"),) for seed in range(first, first + count)]]


def _refuse_twice(named: Iterable[Axis], added: Iterable[Axis]) -> None:
    """A key of a zip, a grid or of `seeds` must not be set a second time."""
    seen = {setting.key for axis in named for row in axis[:1] for setting in row}
    for axis in added:
        for key in [setting.key for row in axis[:1] for setting in row]:
            if key in seen:
                hint = ": seeds=N takes the place of a list of seeds" if key == "seed" else ""
                raise ConfigError(f"{key} is given twice in this sweep{hint}")
            seen.add(key)
