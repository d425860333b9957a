"""One run of a cohort: its config, folder and log, and how it ended."""

import logging
import os
import shutil
from abc import ABC, abstractmethod
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from dlhw.config.root import TrainConfig
from dlhw.display import visible_lines
from dlhw.locks import check_held, is_held

LOG_FORMAT = "[%(asctime)s][%(name)s][%(levelname)s] - %(message)s"
HYDRA_FOLDER = ".hydra"


@dataclass(kw_only=True)
class Job(ABC):
    """A run that is to be trained, and the interface to its caller.

    Args:
        number: of the run in its command, for messages.
        config: of the run, checked.
        folder: for the run's files.
        index: of the run in the whole sweep, of which a command may train a part.
        can_resume: whether checkpoints in the folder are of exactly this run.
        log_name: of the log in the folder.
        has_begun: whether the folder has been made.
    """

    number: int
    config: TrainConfig
    folder: Path
    index: int
    can_resume: bool = False
    log_name: str = "train.log"
    has_begun: bool = False

    @abstractmethod
    def make_folder(self) -> None:
        """Make the folder and save the config in it."""

    @abstractmethod
    def report_end(self, outcome: float | None | Exception) -> None:
        """Report the end of the run: its objective, or the exception that ended it."""

    def begin(self) -> None:
        """Make the folder, before the run trains.

        Raises:
            FolderLostError: if this process has lost the sweep's folder.
            OSError: if the folder cannot be made.
        """
        check_held(self.folder)
        self.make_folder()
        self.folder = Path(os.path.abspath(self.folder))
        self.has_begun = True

    def log(self, text: str, level: int = logging.INFO) -> None:
        """Add a line to the run's own log; each run of a cohort has one.

        Nothing is written where the folder is gone or lost: a failure to log must not end a sweep.
        """
        if not self.has_begun or not is_held(self.folder):
            return
        with suppress(OSError):
            handler = logging.FileHandler(self.folder / self.log_name, encoding="utf-8")
            handler.setFormatter(logging.Formatter(LOG_FORMAT))
            handler.handle(logging.LogRecord("dlhw", level, __file__, 0, visible_lines(text), None, None))
            handler.close()

    def clear(self) -> None:
        """Remove the files of a failed attempt, but neither the saved config nor the log.

        Raises:
            FolderLostError: if this process has lost the sweep's folder.
        """
        check_held(self.folder)
        kept = {HYDRA_FOLDER, self.log_name}
        with suppress(FileNotFoundError):  # the next write reports a folder that is gone
            for entry in self.folder.iterdir():
                if entry.name in kept:
                    continue
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
