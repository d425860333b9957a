"""`dlhw-train resume=RUN_DIR`: go on with a run where its last checkpoint was written."""

import logging
from pathlib import Path
from typing import Any

from dlhw.commands.evaluate import saved_config
from dlhw.commands.train import RESUME, train_run
from dlhw.display import visible
from dlhw.errors import ConfigError, RunFolderError
from dlhw.hydra_support.job import LOG_FORMAT
from dlhw.locks import SWEEP_LOCK, hold_run
from dlhw.runs.files import refuse_links
from dlhw.runs.folder import RunFolder
from dlhw.runs.status import is_final


def resume(arguments: list[str]) -> int:
    """Go on with the run that the command names; returns the exit status.

    The run keeps the config that it began with, so nothing else can be set, and the current folder must be
    the one that relative paths in it start from.

    Raises:
        ConfigError: if the command asks for anything else.
        RunFolderError: if the folder is not a run's, is in use, or its checkpoints are damaged.
        DivergedError: if the run diverges, unless `trainer.on_divergence` accepts that.
    """
    folder = _folder(arguments)
    refuse_links(folder)
    config = saved_config(folder, [])
    hold_run(folder)
    summary = RunFolder(folder).summary()
    if is_final(summary.get("status")):
        print(visible(f"{folder} has ended: {_ending(summary)}"))
        return 0
    from dlhw.callbacks.restoring import clear_leftovers, saved_in

    _log_to(folder)
    clear_leftovers(folder)
    saved = saved_in(folder, config)
    step = saved[0].progress["step"] if saved else 0
    shown = visible(str(folder))
    print(f"resuming {shown} from step {step}" if saved else f"{shown} has no checkpoint: starting again")
    logging.getLogger("dlhw").info("resuming from step %d", step)
    train_run(config, folder, saved[0] if saved else None)
    return 0


def _folder(arguments: list[str]) -> Path:
    """The folder that the command names.

    Raises:
        ConfigError: if it says anything else.
        RunFolderError: if there is no run.
    """
    others = [argument for argument in arguments if not argument.startswith(RESUME)]
    folders = [argument.removeprefix(RESUME) for argument in arguments if argument.startswith(RESUME)]
    if others or len(folders) > 1:
        unused = " ".join(others or [f"{RESUME}{folder}" for folder in folders[1:]])
        raise ConfigError(
            f"resume=RUN_DIR uses the config of that folder: nothing else can be set, got {unused}"
        )
    folder = Path(folders[0])
    if not folders[0] or not folder.is_dir():
        from dlhw.runs.sweep_folder import nearest_folder

        near = nearest_folder(folder) if folders[0] else ""
        raise RunFolderError(
            f"resume={folders[0]} is not a folder: give that of a run, such as runs/NAME/TIME{near}"
        )
    if (folder / SWEEP_LOCK).exists():
        raise RunFolderError(f"{folder} is a sweep's folder: the same sweep command again resumes it")
    return folder


def _ending(summary: dict[str, Any]) -> str:
    """How a run ended, such as `completed after 400 steps`."""
    if summary.get("status") == "diverged":
        return f"diverged at step {summary.get('diverged_at')}"
    return f"{str(summary['status']).replace('_', ' ')} after {summary.get('steps')} steps"


def _log_to(folder: Path) -> None:
    """Append to the log that Hydra began."""
    handler = logging.FileHandler(folder / "train.log", encoding="utf-8", delay=True)
    handler.setFormatter(logging.Formatter(LOG_FORMAT))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
