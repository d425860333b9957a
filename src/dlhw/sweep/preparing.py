"""From the cells of a command to runs with configs, names and folders, all errors found on the way."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf, flag_override
from omegaconf.errors import OmegaConfBaseException

from dlhw.config.experiment import refuse_unknown_keys
from dlhw.config.fields import Leaf, leaves
from dlhw.config.messages import explain
from dlhw.config.root import TrainConfig
from dlhw.display import visible
from dlhw.errors import ConfigError, UserError
from dlhw.hydra_support.composer import SUBDIR, Composer
from dlhw.sweep.grid import Cell, Setting, quoted
from dlhw.sweep.identity import cell_hash, definition
from dlhw.sweep.ledger import Definition
from dlhw.sweep.names import cell_name, short_keys, sweep_name

DIR = "hydra.sweep.dir="


@dataclass(frozen=True)
class Run:
    """A cell that can be run."""

    cell: Cell
    config: TrainConfig
    definition: Definition
    name: str

    @property
    def overrides(self) -> list[str]:
        """Of the job, its folder among them."""
        return [*self.cell.overrides, f"{SUBDIR}{quoted(self.name)}"]


@dataclass(frozen=True)
class BadCell:
    """A cell whose config cannot be run."""

    cell: Cell
    error: UserError

    @property
    def label(self) -> str:
        """The values that tell it from others."""
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
        told = [
            f"{count} {noun}{'s' * (count != 1)}"
            for count, noun in ((len(settings), "configuration"), (len(seeds), "seed"))
        ]
        return " × ".join(told) if len(settings) * len(seeds) == len(self.runs) else ", ".join(told)

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

    def refuse(self, cell: Cell, error: UserError) -> None:
        """Add a cell that cannot be run."""
        self.bad.append(BadCell(cell, error))
        self.names.append("")

    def problems(self) -> Iterator[str]:
        """Each problem once, with the cell, or the first of the cells, that has it."""
        labels: dict[str, list[str]] = {}
        for bad in self.bad:
            for sentence in str(bad.error).splitlines():
                labels.setdefault(sentence, []).append(bad.label)
        for sentence, of in labels.items():
            more = f" (and {len(of) - 1} more)" if len(of) > 1 else ""
            is_common = len(of) == len(self.bad) + len(self.runs)
            yield sentence if is_common else f"{of[0]}{more}: {sentence}"


def prepare(master: DictConfig, composer: Composer, cells: Sequence[Cell]) -> Prepared:
    """Compose and check every cell, once.

    Args:
        master: the sweep's own config; its folder is settled here, so that every job has it.
        composer: of the jobs.
        cells: of the command.

    Raises:
        ConfigError: if there is nothing to run, or an experiment names a key that no run has.
    """
    if not cells:
        raise ConfigError("the sweep has no cells: a choice of options matches nothing")
    keys = short_keys(setting.key for cell in cells for setting in cell.swept)
    prepared = Prepared(settle_folder(master, list(keys)), keys)
    seen: dict[str, str] = {}
    for cell in cells:
        try:
            config = composer.checked(cell.overrides)
        except UserError as error:
            prepared.refuse(cell, error)
        except (HydraException, OmegaConfBaseException) as error:
            prepared.refuse(cell, ConfigError(explain(error)))
        else:
            prepared.add(_run(cell, config, keys), seen)
    _check_experiment(prepared.runs)
    return prepared


def _check_experiment(runs: Sequence[Run]) -> None:
    """A misspelt key in what an experiment claims is told now, not after hours of training."""
    if runs and (experiment := runs[0].config.experiment) is not None:
        refuse_unknown_keys(experiment, {key for run in runs for key in leaves(run.config)})


def _run(cell: Cell, config: TrainConfig, keys: dict[str, str]) -> Run:
    of_config = leaves(config)
    values = {setting.key: _value(setting, of_config) for setting in cell.swept}
    return Run(cell, config, definition(config), cell_name(values, config.seed, keys))


def _value(setting: Setting, of_config: Mapping[str, Leaf]) -> Any:
    """As the config has it, so that 1 and 1.0 are one name; a choice of a group by its name."""
    return of_config[setting.key].value if setting.key in of_config else setting.text.strip("'\"")


def settle_folder(master: DictConfig, keys: Sequence[str]) -> Path:
    """The sweep's folder. One that would be named by the time is named by the swept keys instead.

    Raises:
        ConfigError: if the command names the folders of its runs.
    """
    given = [str(line) for line in master.hydra.overrides.hydra]
    if any(line.startswith(SUBDIR) for line in given):
        raise ConfigError("hydra.sweep.subdir cannot be set: runs are named by their swept values")
    written = OmegaConf.to_container(master.hydra.sweep, resolve=False)
    assert isinstance(written, dict)
    if "${now:" in str(written["dir"]) and not any(line.startswith(DIR) for line in given):
        folder = f"runs/{master.name}/{sweep_name(keys)}"
        with flag_override(master.hydra, ["readonly", "struct"], False):
            master.hydra.sweep.dir = folder
            master.hydra.overrides.hydra.append(f"{DIR}{quoted(folder)}")
    return Path(str(master.hydra.sweep.dir))


def sweep_line(prepared: Prepared, done: int) -> str:
    """Such as `12 runs (4 configurations × 3 seeds) in runs/x/by-lr: 9 done, 3 to run`."""
    left, count = len(prepared.runs) - done, len(prepared.runs) + len(prepared.bad)
    parts = [f"{done} done"] * bool(done) + [f"{left} to run"] * bool(left or not done)
    parts += [f"{len(prepared.bad)} cannot be run"] * bool(prepared.bad)
    repeated = f" ({prepared.repeated} more compute the same as one of these)" * bool(prepared.repeated)
    product = f" ({prepared.product()})" * ("seed" in prepared.keys and not prepared.bad)
    runs, folder = f"{count} run{'s' * (count != 1)}{product}", visible(str(prepared.folder))
    return f"{runs} in {folder}: {', '.join(parts)}{repeated}"
