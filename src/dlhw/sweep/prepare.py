"""From the cells of a command to runs with configs, definitions and names, and every error of a config."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dlhw.config.experiment import refuse_unknown_keys
from dlhw.config.fields import Leaf, leaves
from dlhw.config.root import TrainConfig
from dlhw.display import visible
from dlhw.errors import ConfigError, UserError
from dlhw.runs.ledger import Definition, cell_hash, definition
from dlhw.runs.names import cell_name, short_keys
from dlhw.sweep.grid import GridCell, Setting


@dataclass(frozen=True)
class Run:
    """A cell that can be run.

    Args:
        cell: of the sweep.
        config: of the run, checked.
        definition: all that the run's numbers depend on.
        name: of the run's folder in that of the sweep.
    """

    cell: GridCell
    config: TrainConfig
    definition: Definition
    name: str


@dataclass(frozen=True)
class BadCell:
    """A cell whose config cannot be run."""

    cell: GridCell
    error: UserError

    @property
    def label(self) -> str:
        """The values that distinguish it from other runs."""
        return " ".join(setting.line for setting in self.cell.swept)


@dataclass
class Prepared:
    """A sweep that is ready to be compared with what its folder holds.

    Args:
        folder: of the sweep.
        keys: swept key -> its short name.
        runs: cells that can be run, each once.
        bad: cells that cannot.
        repeated: cells that compute what another one does.
        names: the name of each cell's run, in the order of the command; cells that compute the same share
            one, a cell that cannot be run has an empty one.
    """

    folder: Path
    keys: dict[str, str]
    runs: list[Run] = field(default_factory=list)
    bad: list[BadCell] = field(default_factory=list)
    repeated: int = 0
    names: list[str] = field(default_factory=list)

    def definitions(self) -> dict[str, Definition]:
        """Name -> definition."""
        return {run.name: run.definition for run in self.runs}

    def product(self) -> str:
        """Runs as configurations times seeds, such as `4 configurations × 3 seeds`."""
        seeds = {run.config.seed for run in self.runs}
        settings = {
            tuple(setting.line for setting in run.cell.swept if setting.key != "seed") for run in self.runs
        }
        counts = [
            f"{count} {noun}{'s' * (count != 1)}"
            for count, noun in ((len(settings), "configuration"), (len(seeds), "seed"))
        ]
        return " × ".join(counts) if len(settings) * len(seeds) == len(self.runs) else ", ".join(counts)

    def add(self, run: Run, seen: dict[str, str]) -> None:
        """Add a run unless one of `seen` (hash or name -> name) computes the same."""
        identity = (cell_hash(run.definition), f"name {run.name}")
        known = [seen[key] for key in identity if key in seen]
        if known:
            self.repeated += 1
        else:
            self.runs.append(run)
        self.names.append(known[0] if known else run.name)
        for key in identity:
            seen.setdefault(key, self.names[-1])

    def refuse(self, cell: GridCell, error: UserError) -> None:
        """Add a cell that cannot be run."""
        self.bad.append(BadCell(cell, error))
        self.names.append("")

    def problems(self) -> Iterator[str]:
        """Each problem once, with the cell, or the first of the cells, that has it."""
        labels: dict[str, list[str]] = {}
        for bad in self.bad:
            for sentence in str(bad.error).splitlines():
                labels.setdefault(sentence, []).append(bad.label)
        for sentence, cells in labels.items():
            more = f" (and {len(cells) - 1} more)" if len(cells) > 1 else ""
            is_common = len(cells) == len(self.bad) + len(self.runs)
            yield sentence if is_common else f"{cells[0]}{more}: {sentence}"


def swept_keys(cells: Sequence[GridCell]) -> dict[str, str]:
    """Swept key -> its short name."""
    return short_keys(setting.key for cell in cells for setting in cell.swept)


def prepare(
    folder: Path, cells: Sequence[GridCell], config_of: Callable[[GridCell], TrainConfig]
) -> Prepared:
    """Compose and check every cell, once.

    Args:
        folder: of the sweep.
        cells: of the command.
        config_of: composes and checks the config of a cell; raises `UserError` for one that cannot be run.

    Raises:
        ConfigError: if there is nothing to run, or an experiment names a key that no run has.
    """
    if not cells:
        raise ConfigError("the sweep has no cells: a choice of options matches nothing")
    keys = swept_keys(cells)
    prepared = Prepared(folder, keys)
    seen: dict[str, str] = {}
    for cell in cells:
        try:
            config = config_of(cell)
        except UserError as error:
            prepared.refuse(cell, error)
        else:
            prepared.add(_run(cell, config, keys), seen)
    _check_experiment(prepared.runs)
    return prepared


def _check_experiment(runs: Sequence[Run]) -> None:
    """Report a misspelt key in an experiment's claims now, not after hours of training."""
    if runs and (experiment := runs[0].config.experiment) is not None:
        refuse_unknown_keys(experiment, {key for run in runs for key in leaves(run.config)})


def _run(cell: GridCell, config: TrainConfig, keys: dict[str, str]) -> Run:
    config_leaves = leaves(config)
    values = {setting.key: _value(setting, config_leaves) for setting in cell.swept}
    return Run(cell, config, definition(config), cell_name(values, config.seed, keys))


def _value(setting: Setting, config_leaves: Mapping[str, Leaf]) -> Any:
    """The value in the config, so that 1 and 1.0 have one name; the option's name for a group."""
    return config_leaves[setting.key].value if setting.key in config_leaves else setting.text.strip("'\"")


def sweep_line(prepared: Prepared, done: int) -> str:
    """Such as `12 runs (4 configurations × 3 seeds) in runs/x/by-lr: 9 done, 3 to run`."""
    left, count = len(prepared.runs) - done, len(prepared.runs) + len(prepared.bad)
    parts = [f"{done} done"] * bool(done) + [f"{left} to run"] * bool(left or not done)
    parts += [f"{len(prepared.bad)} cannot be run"] * bool(prepared.bad)
    repeated = f" ({prepared.repeated} more compute the same as one of these)" * bool(prepared.repeated)
    product = f" ({prepared.product()})" * ("seed" in prepared.keys and not prepared.bad)
    runs, folder = f"{count} run{'s' * (count != 1)}{product}", visible(str(prepared.folder))
    return f"{runs} in {folder}: {', '.join(parts)}{repeated}"
