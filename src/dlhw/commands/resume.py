"""`dlhw-train resume=RUN_DIR`: resume a run from its last checkpoint."""

from pathlib import Path

from dlhw.errors import ConfigError, RunFolderError
from dlhw.locks import SWEEP_LOCK
from dlhw.runs.sweep_folder import nearest_folder

RESUME = "resume="


def resume(arguments: list[str]) -> int:
    """Resume the run that the command names; returns the exit status.

    Raises:
        ConfigError: if the command sets anything else.
        RunFolderError: if the folder is not that of a run, is in use, or its checkpoints are damaged.
        DivergedError: if the run diverges, unless `trainer.on_divergence` accepts that.
    """
    from dlhw.execution.single import resume_run

    resume_run(_folder(arguments))
    return 0


def _folder(arguments: list[str]) -> Path:
    """The folder that the command names.

    Raises:
        ConfigError: if it sets anything else.
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
        near = nearest_folder(folder) if folders[0] else ""
        raise RunFolderError(
            f"resume={folders[0]} is not a folder: give that of a run, such as runs/NAME/TIME{near}"
        )
    if (folder / SWEEP_LOCK).exists():
        raise RunFolderError(f"{folder} is a sweep's folder: the same sweep command again resumes it")
    return folder
