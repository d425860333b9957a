"""The cells of a sweep: products of axes, values that move together, unions of grids, seeds.

An axis is a list of rows, and a cell takes one row of each axis. The row of a plain `key=1,2` sets one key;
that of a zip sets several, which so move together. Later axes vary fastest, seeds fastest of all.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from hydra.core.override_parser.types import Override, Quote, QuotedString
from hydra.errors import HydraException

from dlhw.errors import ConfigError
from dlhw.sweep.arguments import SWEEP_KEYS

Parse = Callable[[str], Override]
# How a value that refers to another key of its config begins.
REFERENCE = "${"


@dataclass(frozen=True)
class Setting:
    """One override of a cell.

    Args:
        key: config key or group, such as `optimizer.lr`.
        line: the override as Hydra takes it, such as `optimizer.lr=0.1`.
        is_swept: whether the value tells the cell apart; one that only refers to other keys does not.
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
class Cell:
    """One run of a sweep."""

    settings: Row

    @property
    def overrides(self) -> tuple[str, ...]:
        """Of the job, in the order of the command line."""
        return tuple(setting.line for setting in self.settings)

    @property
    def swept(self) -> Row:
        """What tells it from other cells."""
        return tuple(setting for setting in self.settings if setting.is_swept)


@dataclass
class Extras:
    """What a sweep has beside Hydra's own syntax.

    Args:
        zips: groups of key -> values; the values of a group move together.
        grids: key -> values; the sweep is the union of the grids.
        seeds: how many seeds each cell gets; None: its own.
    """

    zips: list[Mapping[str, Any]] = field(default_factory=list)
    grids: list[Mapping[str, Any]] = field(default_factory=list)
    seeds: int | None = None

    @classmethod
    def of(cls, zip: Any, grids: Any, seeds: Any) -> "Extras":
        """From plain data, as it stands in a config or on a command line.

        Raises:
            ConfigError: if it is of another shape.
        """
        if seeds is not None and (not isinstance(seeds, int) or isinstance(seeds, bool) or seeds < 1):
            raise ConfigError(f"seeds must be an integer >= 1, got {seeds}")
        return cls(_mappings("zip", zip), _mappings("grids", grids), seeds)

    def updated(self, overrides: Sequence[Override]) -> "Extras":
        """With what the command line says, which replaces what the config says."""
        told = {each.key_or_group: each.value() for each in overrides}
        own = {"zip": self.zips, "grids": self.grids, "seeds": self.seeds}
        return Extras.of(**(own | told))


def _mappings(key: str, given: Any) -> list[Mapping[str, Any]]:
    listed = [] if given is None else given if isinstance(given, list) else [given]
    if not all(isinstance(each, Mapping) and each for each in listed):
        example = "{optimizer.lr:[1,0.1],regularizer.alpha:[0.001,0.0001]}"
        raise ConfigError(f"{key} must map keys to values, or list such maps, as in +{key}={example}")
    return listed


def is_extra(override: Override) -> bool:
    """Whether an override is `+zip=`, `+grids=` or `+seeds=`."""
    return override.key_or_group in SWEEP_KEYS and (override.is_add() or override.is_force_add())


def cells(
    overrides: Sequence[Override],
    extras: Extras,
    first_seed: int,
    parse: Parse,
    listed: Collection[str] = (),
) -> list[Cell]:
    """Every cell that a command means.

    Args:
        overrides: of the command line, sweeps among them; the last of one key counts.
        extras: zips, grids and seeds.
        first_seed: of the `seeds` seeds, the others follow it.
        parse: makes an override of `key=value`.
        listed: keys that the config sweeps; a command that sets one of them to a single value restricts the
            sweep, and the cell is named as it is in the whole one.

    Raises:
        ConfigError: if a key is given twice, or values that move together differ in number.
    """
    named = {override.get_key_element(): _axis(override, listed) for override in overrides}
    together = [_zipped(group, parse) for group in extras.zips]
    seeds = _seeds(extras.seeds, first_seed)
    found: list[Cell] = []
    for grid in extras.grids or [{}]:
        own = [_zipped({key: values}, parse) for key, values in grid.items()]
        defaults = {*grid, *(["seed"] if seeds else [])}
        kept = [axis for axis in named.values() if not (_is_fixed(axis) and axis[0][0].key in defaults)]
        _refuse_twice(kept, [*together, *own, *seeds])
        axes = [*kept, *together, *own, *seeds]
        found += [Cell(tuple(setting for row in rows for setting in row)) for rows in product(*axes)]
    return found


def _axis(override: Override, listed: Collection[str] = ()) -> Axis:
    key = override.key_or_group
    if not override.is_sweep_override():
        line = str(override.input_line)
        return [(Setting(key, line, is_swept=key in listed and REFERENCE not in line),)]
    if not override.is_discrete_sweep():
        raise HydraException(f"the grid sweeper has no values to take from {override.input_line}")
    element = override.get_key_element()
    return [(Setting(key, f"{element}={text}"),) for text in override.sweep_string_iterator()]


def _is_fixed(axis: Axis) -> bool:
    return bool(axis) and not axis[0][0].is_swept


def _zipped(group: Mapping[str, Any], parse: Parse) -> Axis:
    columns = [list(_column(str(key), values, parse)) for key, values in group.items()]
    if len({len(column) for column in columns}) > 1:
        counts = ", ".join(f"{key} has {len(column)}" for key, column in zip(group, columns, strict=True))
        raise ConfigError(f"values that move together must be as many for each key: {counts}")
    return list(zip(*columns, strict=True))


def _column(key: str, values: Any, parse: Parse) -> Iterator[Setting]:
    """A list is a list of values; a text is what would stand behind `key=`, such as `range(1,4)`."""
    if isinstance(values, str):
        override = parse(f"{key}={values}")
        yield from (setting for row in _axis(override, listed=[key]) for setting in row)
    else:
        listed = values if isinstance(values, list) else [values]
        lines = [f"{key}={value_text(value)}" for value in listed]
        is_swept = len(lines) > 1 or REFERENCE not in lines[0]
        yield from (Setting(key, line, is_swept) for line in lines)


def value_text(value: Any) -> str:
    """A value as Hydra's command line takes it; `${key}` is left for the job's config to resolve.

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
    r"""Text that Hydra takes as it stands.

    >>> print(quoted("a folder's, name=1"))
    'a folder\'s, name=1'
    """
    return str(QuotedString(text=text, quote=Quote.single).with_quotes())


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
