"""The sweeps of a falsification: the experiment's recipe with few seeds, and each wrong recipe."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlhw.config.experiment import ExperimentConfig
from dlhw.config.experiment_entries import MutationConfig
from dlhw.errors import ConfigError, UserError
from dlhw.hydra_support.overrides import parse_argument, value_text
from dlhw.runs.ledger import Ledger
from dlhw.runs.names import safe
from dlhw.sweep.grid import Argument

if TYPE_CHECKING:
    import pandas

CONTROL = "control"


@dataclass(frozen=True, kw_only=True)
class FalsificationSweep:
    """One sweep of a falsification.

    Args:
        folder: of its runs.
        overrides: of the command line, in addition to the experiment and the folder.
        runs: folder names of the runs, in the order of the cells.
        cells: definitions of the cells.
    """

    folder: Path
    overrides: tuple[str, ...]
    runs: tuple[str, ...]
    cells: tuple[Mapping[str, Any], ...]

    def is_done(self) -> bool:
        """Whether all runs are done with the current definitions of their cells."""
        ledger = Ledger.read(self.folder)
        cells = dict(zip(self.runs, self.cells, strict=True))
        return all(ledger.is_done(name) and ledger.cells[name] == cell for name, cell in cells.items())


@dataclass(frozen=True, kw_only=True)
class SweptValues:
    """The values that an experiment's file sweeps.

    Args:
        params: key -> its values, as text.
        zips: groups of key -> list of values that move together.
    """

    params: Mapping[str, str]
    zips: Sequence[Mapping[str, Any]]


def control_sweep(experiment: ExperimentConfig, folder: Path) -> tuple[FalsificationSweep, SweptValues]:
    """The sweep of the recipe itself, with `experiment.mutation_seeds` seeds.

    Returns:
        The sweep, and the values that the experiment's file sweeps.

    Raises:
        UserError: if a cell cannot be run.
    """
    return _sweep(experiment, folder / CONTROL, ())


def mutant_sweep(
    experiment: ExperimentConfig,
    mutation: MutationConfig,
    folder: Path,
    control: FalsificationSweep,
    swept: SweptValues,
) -> FalsificationSweep:
    """The sweep of a wrong recipe, with as many seeds as the control.

    Its k-th cell replaces the k-th cell of the recipe. A change of a swept key therefore lists as many values
    as the experiment sweeps, or a single value, which replaces each of them.

    Args:
        experiment: the experiment.
        mutation: its wrong recipe.
        folder: of the experiment's falsification.
        control: the sweep of the recipe itself, from `control_sweep`.
        swept: the values that the experiment sweeps, from `control_sweep`.

    Raises:
        UserError: if a cell cannot be run, the number of cells differs, or no cell differs.
    """
    sweep, _ = _sweep(experiment, folder / safe(mutation.text), _in_sweep(mutation.overrides, swept))
    if len(sweep.cells) != len(control.cells):
        raise ConfigError(
            f"{mutation.text} makes {len(sweep.cells)} cells, the experiment has {len(control.cells)}: "
            "a change of a swept key must list as many values as are swept, or a single one"
        )
    if sweep.cells == control.cells:
        raise ConfigError(f"{mutation.text} changes nothing")
    return sweep


def _in_sweep(changes: Sequence[str], swept: SweptValues) -> list[str]:
    """The changes as overrides of the sweep; a change of a key in a zip replaces the zip."""
    zips: list[dict[str, Any]] = [dict(group) for group in swept.zips]
    taken: list[str] = []
    for change in changes:
        argument = parse_argument(change)
        key = argument.target
        groups = [group for group in zips if key in group]
        for group in groups:
            group[key] = _column(argument, len(group[key]))
        if not groups:
            taken.append(_for_each_cell(argument, swept.params))
    return taken if zips == swept.zips else [*taken, f"zip=[{','.join(map(_zip_text, zips))}]"]


def _for_each_cell(argument: Argument, params: Mapping[str, str]) -> str:
    """A single value of a swept key, repeated for each of the experiment's values."""
    key = argument.target
    if key not in params or argument.is_sweep:
        return argument.line
    count = len(parse_argument(f"{key}={params[key]}").values)
    return f"{key}={','.join(_column(argument, count))}"


def _column(argument: Argument, count: int) -> list[str]:
    """The values of a change, a single one for each of `count` cells."""
    return list(argument.values) if argument.is_sweep else [*argument.values] * count


def _zip_text(group: Mapping[str, Any]) -> str:
    columns = (f"{key}:[{','.join(map(_value_text, values))}]" for key, values in group.items())
    return f"{{{','.join(columns)}}}"


def _value_text(value: Any) -> str:
    """A value of the override `zip`; a value of a change is text that Hydra has already parsed."""
    return value if isinstance(value, str) and "${" not in value else value_text(value)


def _sweep(
    experiment: ExperimentConfig, folder: Path, changes: Sequence[str]
) -> tuple[FalsificationSweep, SweptValues]:
    from dlhw.hydra_support.planning import prepare_sweep

    overrides = (*changes, f"seeds={experiment.mutation_seeds}")
    prepared, sweeper = prepare_sweep([f"experiment={experiment.label}", *overrides])
    if prepared.bad:
        raise ConfigError("\n".join(prepared.problems()))
    definitions = prepared.definitions()
    cells = tuple(definitions[name] for name in prepared.names)
    sweep = FalsificationSweep(folder=folder, overrides=overrides, runs=tuple(prepared.names), cells=cells)
    return sweep, SweptValues(params=sweeper.params, zips=sweeper.extras().zips)


def in_place_of(control: FalsificationSweep, sweep: FalsificationSweep) -> "pandas.DataFrame":
    """The runs of a wrong recipe, each with the config of the run that it replaces.

    So they are judged as if the wrong recipe were the right one.

    Args:
        control: the sweep of the recipe itself, whose runs are done.
        sweep: the sweep of the wrong recipe.

    Raises:
        UserError: if a run is missing.
    """
    import pandas

    from dlhw.reporting.frames import config_keys, load_runs

    recipe, wrong = load_runs(control.folder), load_runs(sweep.folder)
    pairs = dict(zip(control.runs, sweep.runs, strict=True))
    names = [Path(folder).name for folder in recipe["folder"]]
    kept = recipe[[name in pairs for name in names]].reset_index(drop=True)
    rows = {Path(folder).name: place for place, folder in enumerate(wrong["folder"])}
    missing = [pairs[name] for name in names if name in pairs and pairs[name] not in rows]
    if missing:
        raise UserError(f"{sweep.folder / missing[0]} does not exist")
    results = wrong.iloc[[rows[pairs[name]] for name in names if name in pairs]].reset_index(drop=True)
    settings = [*config_keys(kept), "name", "seed"]
    outcomes = [key for key in results.columns if key not in {*config_keys(results), "name", "seed"}]
    return pandas.concat([results[outcomes], kept[settings]], axis="columns")
