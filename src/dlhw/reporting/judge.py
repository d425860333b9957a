"""The verdict about an experiment: the one way from run folders to a judged experiment."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from dlhw.config.catalogue import checked
from dlhw.config.experiment import ExperimentConfig
from dlhw.config.messages import explain
from dlhw.config.saved import interpolations, with_references
from dlhw.errors import ConfigError, RunFolderError
from dlhw.reporting.formatting import many
from dlhw.reporting.selection import CellSelection, how_ended, unfinished_runs
from dlhw.reporting.study import Study
from dlhw.runs.files import read_yaml
from dlhw.sweep.ledger import Ledger

# Runs that a sentence names.
MAX_NAMES = 4


def missing_runs(study: Study, selection: CellSelection) -> list[str]:
    """What an experiment lacks, one phrase per configuration; empty if every run ended well.

    Args:
        study: of the experiment's runs.
        selection: its cells by every key that differs.

    Raises:
        RunFolderError: if the ledger of a sweep is damaged.
    """
    ended_badly = []
    for cell in selection.cells:
        unfinished = unfinished_runs(cell)
        if unfinished:
            count = f"{len(unfinished)} of {many(len(cell.runs), 'run')}"
            ended_badly.append(f"{selection.label(cell)}: {count} {how_ended(unfinished)}")
    unreadable = len(study.unreadable)
    absent = list(_absent_runs(study))
    return [
        *ended_badly,
        *([f"{many(unreadable, 'run')} unreadable"] if unreadable else []),
        *([f"{many(len(absent), 'run')} of the sweep not there: {_names(absent)}"] if absent else []),
    ]


def _absent_runs(study: Study) -> Iterator[str]:
    """Names of runs that a ledger lists and of which there is no folder."""
    folders = [Path(row["folder"]) for row in study.rows]
    present = {folder.resolve() for folder in folders}
    for sweep in dict.fromkeys(folder.parent for folder in folders):
        yield from (name for name in Ledger.read(sweep).cells if (sweep / name).resolve() not in present)


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    return ", ".join(names[:MAX_NAMES]) + more


SWEEP_FILE = "multirun.yaml"


def saved_experiment(folder: Path) -> ExperimentConfig | None:
    """What multirun.yaml says; None for a folder that is no sweep, or a sweep that is no experiment.

    Raises:
        RunFolderError: if the file is damaged.
    """
    path = folder / SWEEP_FILE
    if not path.is_file():
        return None
    try:
        tree = read_yaml(path)
        told = tree.get("experiment") if isinstance(tree, dict) else None
        if told is None:
            return None
        told = with_references({**tree, "experiment": told})["experiment"]
        for key, text in interpolations(told, "experiment"):
            raise ConfigError(f"{key} is saved as {text}, which is not resolved anew")
        # below a root, so that errors name the node
        schema = OmegaConf.create({"experiment": OmegaConf.structured(ExperimentConfig)})
        found = OmegaConf.to_object(OmegaConf.merge(schema, {"experiment": told}).experiment)
        assert isinstance(found, ExperimentConfig)
        return checked(found)
    except (OmegaConfBaseException, ConfigError) as error:
        sentences = str(error) if isinstance(error, ConfigError) else explain(error)
        head = f"{path} does not hold an experiment of this version: "
        raise RunFolderError("\n".join(head + line for line in sentences.splitlines())) from error
