"""One job of a sweep: its folder, `.hydra/`, log and `JobReturn`, as Hydra's own launcher makes them."""

import logging
import shutil
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn, JobStatus
from hydra.types import HydraContext
from omegaconf import DictConfig

from dlhw.config.root import TrainConfig
from dlhw.display import visible_lines
from dlhw.hydra_support.run_job import run_job
from dlhw.locks import check_held, is_held

LOG_FORMAT = "[%(asctime)s][%(name)s][%(levelname)s] - %(message)s"


class HeldCallbacks:
    """Hydra's callbacks with the end of the job held back until the job has really ended."""

    def __init__(self, callbacks: Any) -> None:
        self._callbacks = callbacks

    def on_job_start(self, **told: Any) -> None:
        """Passed on at once."""
        self._callbacks.on_job_start(**told)

    def on_job_end(self, **told: Any) -> None:
        """Kept for `Job.end`."""


@dataclass
class Job:
    """A job that is ours.

    Args:
        number: in its sweep.
        overrides: of this job.
        composed: its config, with Hydra's part.
        config: the same, typed; None when it cannot be run, `error` says why.
        error: what is wrong with the config, or what went wrong.
        returned: what Hydra gets.
        folder: where its files go, once it has begun.
        place: in the whole sweep, whatever part of it runs now.
    """

    number: int
    overrides: list[str]
    composed: DictConfig
    config: TrainConfig | None = None
    error: Exception | None = None
    returned: JobReturn = field(default_factory=JobReturn)
    folder: Path | None = None
    place: int = 0

    def planned_folder(self) -> Path:
        """Where its files will go, or those of an earlier attempt lie."""
        sweep = self.composed.hydra.sweep
        return Path(str(sweep.dir), str(sweep.subdir))

    def begin(self, context: HydraContext) -> Path:
        """Make folder, `.hydra/` and log as Hydra's own `run_job` does; training comes later."""
        check_held(self.planned_folder())
        held = HydraContext(config_loader=context.config_loader, callbacks=HeldCallbacks(context.callbacks))  # type: ignore[arg-type]
        self.returned = run_job(
            hydra_context=held,
            task_function=lambda task: None,
            config=self.composed,
        )
        self.folder = Path(self.composed.hydra.runtime.output_dir)
        return self.folder

    def end(self, value: Any, callbacks: Any) -> JobReturn:
        """Say how it ended: a value, or an exception."""
        failed = isinstance(value, BaseException)
        self.returned.return_value = value
        self.returned.status = JobStatus.FAILED if failed else JobStatus.COMPLETED
        if failed and self.error is None:
            self.error = value if isinstance(value, Exception) else None
        if self.returned.overrides is None:  # it never began
            self.returned.overrides = self.overrides
            self.returned.cfg = self.composed
        callbacks.on_job_end(config=self.composed, job_return=self.returned)
        return self.returned

    def log(self, text: str, level: int = logging.INFO) -> None:
        """A line in the job's own log; of runs that train together each has its file.

        Nothing where the folder is gone or lost: what a log cannot say must not end a sweep.
        """
        if self.folder is None or not is_held(self.folder):
            return
        with suppress(OSError):
            path = self.folder / f"{self.composed.hydra.job.name}.log"
            handler = logging.FileHandler(path, encoding="utf-8")
            handler.setFormatter(logging.Formatter(LOG_FORMAT))
            handler.handle(logging.LogRecord("dlhw", level, __file__, 0, visible_lines(text), None, None))
            handler.close()

    def clear(self) -> None:
        """Remove what an attempt has left in the folder, but not what Hydra put there.

        Raises:
            FolderLostError: if this process has lost the sweep's folder.
        """
        assert self.folder is not None
        check_held(self.folder)
        kept = {".hydra", f"{self.composed.hydra.job.name}.log"}
        with suppress(FileNotFoundError):  # a folder that is gone is found out by its first write
            for entry in self.folder.iterdir():
                if entry.name in kept:
                    continue
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
