"""`dlhw-train` as Hydra runs it: compose the config, or those of a sweep, and train each."""

import logging
import shutil
import sys
from contextlib import suppress
from pathlib import Path

import hydra
import hydra.core.utils
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from dlhw.config.catalogue import conf_dir
from dlhw.display import visible
from dlhw.errors import UserError
from dlhw.hydra_support.checked_loader import checked_loading
from dlhw.hydra_support.job import save_config
from dlhw.hydra_support.messages import Refused, explain_any
from dlhw.hydra_support.overrides import sweep_arguments
from dlhw.hydra_support.store import register
from dlhw.hydra_support.typed import to_config
from dlhw.interruption import Interrupted
from dlhw.locks import is_held
from dlhw.runs.folder import RunFolder


def compose_and_train() -> None:
    """Let Hydra compose the config (or the configs of a sweep) and call `task` with each."""
    register()
    # Hydra's own opens the file before it has the text: a process killed then would leave an empty one.
    hydra.core.utils._save_config = save_config
    sys.argv[1:] = sweep_arguments(sys.argv[1:])
    with checked_loading():
        hydra.main(config_path=str(conf_dir()), config_name="train", version_base="1.3")(task)()


def task(composed: DictConfig) -> float | None:
    """One run: the function that Hydra calls.

    Returns:
        The objective: best validation accuracy, or loss for regression; None without validation.
    """
    from dlhw.execution.single import train_run

    folder = Path(HydraConfig.get().runtime.output_dir)
    try:
        config = to_config(composed)
        result = train_run(config, folder, is_single=HydraConfig.get().mode is RunMode.RUN)
    except Interrupted:
        _discard(folder)
        if folder.exists():
            print(visible(f"dlhw-train: resume={folder} resumes this run"), file=sys.stderr)
        raise
    except UserError as error:
        _discard(folder)
        if HydraConfig.get().mode is RunMode.RUN:
            raise Refused(error) from error  # else Hydra prints the overrides above the message
        raise
    except (MemoryError, RuntimeError) as error:
        sentence = explain_any(error)
        if sentence is None:
            raise
        has_checkpoint = RunFolder(folder).checkpoint("last").exists()
        if not has_checkpoint and is_held(folder):
            _remove(folder)
        raise Refused(UserError(sentence)) from error
    except OSError as error:  # such as a full disk: the files stay, so that the run can be resumed
        sentence = explain_any(error)
        if sentence is None or HydraConfig.get().mode is not RunMode.RUN:
            raise
        raise Refused(UserError(sentence)) from error
    from dlhw.training.fit import objective

    return objective(result)


task.trains_config = True  # type: ignore[attr-defined]  # the fused launcher may train its jobs as cohorts


def _discard(folder: Path) -> None:
    """Remove a folder that holds only what Hydra put there: the run never began."""
    if not is_held(folder):  # it belongs to another process
        return
    made_by_hydra = {".hydra", f"{HydraConfig.get().job.name}.log"}
    if folder.is_dir() and {entry.name for entry in folder.iterdir()} <= made_by_hydra:
        _remove(folder)


def _remove(folder: Path) -> None:
    """Remove a run's folder, and the one above if that leaves it empty."""
    for handler in list(logging.getLogger().handlers):
        logging.getLogger().removeHandler(handler)  # a later line would open the file again
        handler.close()
    shutil.rmtree(folder, ignore_errors=True)
    if folder.parent.resolve() != Path.cwd():
        with suppress(OSError):  # not empty: there are other runs of that name
            folder.parent.rmdir()
