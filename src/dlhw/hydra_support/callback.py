"""What happens between composing a config and making the run's folder: the config is checked, whole."""

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import AnyNode, DictConfig, open_dict

from dlhw.config.load import to_config
from dlhw.errors import RunFolderError, UserError
from dlhw.locks import RUN_LOCK, hold_run


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
            claim(Path(config.hydra.run.dir))
        except UserError as error:
            raise Refused(error) from error


def without_hydra(config: DictConfig) -> DictConfig:
    """A copy of the task's part of a composed config."""
    return copied(config, without=["hydra"])


def copied(config: DictConfig, *, without: Sequence[str] = ()) -> DictConfig:
    """A copy of a composed config without some of its nodes.

    The node `experiment` belongs to the whole sweep and is shared, not copied: it is larger than all that
    makes a run, and nothing changes it.
    """
    shared = config._get_node("experiment", validate_access=False)
    memo: dict[int, Any] = {} if shared is None else {id(shared): shared}
    # Hydra's part is larger still; what the memo holds is not copied.
    memo |= {id(config._get_node(key)): AnyNode(None) for key in without}
    copy_ = copy.deepcopy(config, memo)
    with open_dict(copy_):
        for key in without:
            del copy_[key]
    return copy_


def claim(folder: Path) -> None:
    """Make a run's folder and hold it. Of two processes that want the same one, one gets it.

    Raises:
        RunFolderError: if the folder is another run's, or cannot be made.
    """
    try:
        refuse_used(folder)
        hold_run(folder)
        refuse_used(folder)  # again: another process may have come and gone
    except OSError as error:
        raise RunFolderError(f"hydra.run.dir={folder} cannot be written: {error.strerror}") from error


def refuse_used(folder: Path) -> None:
    """Never overwrite another run.

    Raises:
        RunFolderError: if the folder exists and holds more than the lock of a process killed at once.
    """
    if folder.exists() and (not folder.is_dir() or any(_is_used(entry) for entry in folder.iterdir())):
        raise RunFolderError(
            f"hydra.run.dir={folder} exists and is not empty: a run never overwrites another, "
            "choose a folder that does not exist"
        )


def _is_used(entry: Path) -> bool:
    """Whether a folder with this entry is a run's."""
    if entry.name != RUN_LOCK.parent.name or not entry.is_dir():
        return True
    return any(file.name != RUN_LOCK.name for file in entry.iterdir())
