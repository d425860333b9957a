"""The experiment that a sweep's folder belongs to, as its last command had it."""

from pathlib import Path

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from dlhw.config.catalogue import checked
from dlhw.config.experiment import ExperimentConfig
from dlhw.config.messages import explain
from dlhw.config.saved import interpolations, with_references
from dlhw.errors import ConfigError, RunFolderError
from dlhw.runs.plain import read_yaml

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
