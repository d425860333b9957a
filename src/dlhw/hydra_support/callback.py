"""Check a composed config whole, and claim the run's folder, before Hydra makes the folder."""

from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from dlhw.errors import RunFolderError, UserError
from dlhw.hydra_support.messages import Refused
from dlhw.hydra_support.typed import to_config, without_hydra
from dlhw.locks import RUN_LOCK, hold_run


class CheckBeforeRun(Callback):
    """Refuse a config that cannot be run, or a folder that holds a run, before anything is written."""

    def on_run_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Called by Hydra once the config is composed."""
        try:
            to_config(without_hydra(config))
            claim(Path(config.hydra.run.dir))
        except UserError as error:
            raise Refused(error) from error


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
