"""What happens between composing a config and making the run's folder: the config is checked, whole."""

import copy
from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import AnyNode, DictConfig, open_dict

from dlhw.config.load import to_config
from dlhw.errors import RunFolderError, UserError


class Refused(SystemExit):
    """Hydra only warns of exceptions in a callback; leaving the process is not one."""

    def __init__(self, error: UserError) -> None:
        super().__init__(1)
        self.error = error


class CheckBeforeRun(Callback):
    """Refuse a config that cannot be run, or a folder that holds a run, before anything is written."""

    def on_run_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Called by Hydra once the config is composed."""
        try:
            to_config(without_hydra(config))
            refuse_used(Path(config.hydra.run.dir))
        except UserError as error:
            raise Refused(error) from error


def without_hydra(config: DictConfig) -> DictConfig:
    """A copy of the task's part of a composed config."""
    hydra = config._get_node("hydra")
    # Hydra's part is the larger one; what the memo holds is not copied.
    task = copy.deepcopy(config, {id(hydra): AnyNode(None)})
    with open_dict(task):
        del task["hydra"]
    return task


def refuse_used(folder: Path) -> None:
    """Never overwrite another run.

    Raises:
        RunFolderError: if the folder exists and is not empty.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise RunFolderError(
            f"hydra.run.dir={folder} exists and is not empty: a run never overwrites another, "
            "choose a folder that does not exist"
        )
