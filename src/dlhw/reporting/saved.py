"""The experiment that a sweep's folder belongs to, as its last command had it."""

from pathlib import Path

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from dlhw.config.catalogue import checked
from dlhw.config.experiment import ExperimentConfig
from dlhw.config.messages import explain
from dlhw.errors import ConfigError, RunFolderError

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
        tree = OmegaConf.load(path)
        told = tree.get("experiment") if isinstance(tree, DictConfig) else None
        if told is None:
            return None
        found = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(ExperimentConfig), told))
        assert isinstance(found, ExperimentConfig)
        return checked(found)
    except (OmegaConfBaseException, YAMLError, UnicodeDecodeError, ConfigError) as error:
        told = str(error) if isinstance(error, ConfigError) else explain(error)
        raise RunFolderError(f"{path} does not hold an experiment of this version: {told}") from error
