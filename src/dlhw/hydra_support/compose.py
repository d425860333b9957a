"""Compose a config outside Hydra's own command: for the gradient check, tests and notebooks."""

from collections.abc import Sequence

from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from dlhw.config.catalogue import checked, conf_dir, experiment_names, no_such_experiment
from dlhw.config.experiment import ExperimentConfig
from dlhw.config.root import TrainConfig
from dlhw.errors import ConfigError
from dlhw.hydra_support.checked_loader import checked_loading
from dlhw.hydra_support.messages import explain
from dlhw.hydra_support.store import register
from dlhw.hydra_support.typed import to_objects


def compose(overrides: Sequence[str] = ()) -> TrainConfig:
    """Compose a config as `dlhw-train` does, into typed objects that are not checked across groups yet.

    Args:
        overrides: as on the command line, such as `["model=cnn", "optimizer.lr=0.01"]`.

    Raises:
        ConfigError: if an override does not fit.
    """
    register()
    try:
        with checked_loading(), initialize_config_dir(str(conf_dir()), version_base="1.3"):
            composed = hydra_compose("train", overrides=list(overrides))
        return to_objects(composed)
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(explain(error)) from error


def load_experiment(name: str) -> ExperimentConfig:
    """What an experiment's file says under `experiment`, checked.

    Raises:
        ConfigError: if there is no such experiment, or something in it cannot be.
    """
    if name not in experiment_names():
        raise ConfigError(no_such_experiment(name))
    experiment = compose([f"experiment={name}"]).experiment
    if experiment is None:
        raise ConfigError(f"conf/experiment/{name}.yaml says nothing under experiment")
    return checked(experiment)
