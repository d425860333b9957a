"""Train a single run, resume it, or run its procedure."""

import logging
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlhw.config.root import TrainConfig
from dlhw.display import visible
from dlhw.errors import UserError
from dlhw.execution.job import LOG_FORMAT
from dlhw.files import refuse_links
from dlhw.locks import hold_run
from dlhw.runs.folder import RunFolder
from dlhw.runs.saved_config import saved_config
from dlhw.status import Status, is_final

if TYPE_CHECKING:
    from dlhw.training.events import RunResult
    from dlhw.training.state import ResumeState

log = logging.getLogger("dlhw")


def train_run(
    config: TrainConfig, folder: Path, saved: "ResumeState | None" = None, *, is_single: bool = True
) -> "RunResult":
    """Train a single run, which is a cohort of one, into its folder; or run its procedure.

    Args:
        config: of the run.
        folder: of the run; it exists.
        saved: the checkpoint that it resumes from.
        is_single: whether it is the command's only run, not a run of a sweep.

    Raises:
        DivergedError: if it diverges, unless `trainer.on_divergence` accepts that.
        Interrupted: if a signal ended it, once a checkpoint is written.
    """
    if not config.procedure.trains:
        return compute_run(config, folder)
    from dlhw.callbacks.loss_advice import LossAdvice, advice_for
    from dlhw.callbacks.registry import RunSetup, build_callbacks
    from dlhw.data.dataset import load_dataset
    from dlhw.training.device import DTYPES, resolve_device
    from dlhw.training.fit import divergence_error, divergence_text, fit

    resolve_device(config.trainer.device)
    dataset = load_dataset(config.data, config.data_seed(), DTYPES[config.trainer.dtype])
    advice = partial(advice_for, config, dataset)  # looks at every sample, so only where it is needed
    loss_advice = LossAdvice(advice)
    log.info("training %s on %s into %s", config.model.name, config.data.name, visible(str(folder)))
    (result,) = fit(
        [config],
        [dataset],
        lambda run, config: [*build_callbacks(RunSetup(config, folder)), loss_advice],
        None if saved is None else [saved],
    )
    log.info("%s after %d steps, %.2f s", result.status, result.steps, result.seconds)
    if result.status is Status.diverged:
        hint = "" if loss_advice.is_printed else advice()
        if (error := divergence_error(result, config, hint, is_single=is_single)) is not None:
            raise error
        if is_single:
            print(f"dlhw-train: {divergence_text(result, hint)}", file=sys.stderr, flush=True)
    return result


def compute_run(config: TrainConfig, folder: Path) -> "RunResult":
    """Run a procedure that does not train, with its files in the run's folder."""
    from dlhw.callbacks.summary import write_failure
    from dlhw.execution.run_procedure import run_procedure

    log.info("%s into %s", config.procedure.name, visible(str(folder)))
    try:
        result = run_procedure(config, folder)
        log.info("%s after %.2f s", result.status, result.seconds)
        return result
    except UserError:
        raise  # a run that cannot be computed leaves no folder
    except Exception as error:
        write_failure(folder, str(error) or repr(error))
        raise


def resume_run(folder: Path) -> None:
    """Resume a run from its last checkpoint; a run that has ended stays as it is.

    The run keeps its own config, and relative paths in that start at the current folder.

    Args:
        folder: of the run.

    Raises:
        RunFolderError: if the folder is not that of a run, is in use, or its checkpoints are damaged.
        DivergedError: if the run diverges, unless `trainer.on_divergence` accepts that.
    """
    refuse_links(folder)
    config = saved_config(folder)
    hold_run(folder)
    summary = RunFolder(folder).summary()
    if is_final(summary.get("status")):
        print(visible(f"{folder} has ended: {_ending(summary)}"))
        return
    from dlhw.callbacks.checkpoints import load_resume_states
    from dlhw.files import remove_temporary_files

    _log_to(folder)
    remove_temporary_files(folder)
    saved = load_resume_states(folder, config)
    step = saved[0].progress["step"] if saved else 0
    shown = visible(str(folder))
    print(f"resuming {shown} from step {step}" if saved else f"{shown} has no checkpoint: starting again")
    log.info("resuming from step %d", step)
    train_run(config, folder, saved[0] if saved else None)


def _ending(summary: dict[str, Any]) -> str:
    """How a run ended, such as `completed after 400 steps`."""
    if summary.get("status") == "diverged":
        return f"diverged at step {summary.get('diverged_at')}"
    return f"{str(summary['status']).replace('_', ' ')} after {summary.get('steps')} steps"


def _log_to(folder: Path) -> None:
    """Append to the log that the run began."""
    handler = logging.FileHandler(folder / "train.log", encoding="utf-8", delay=True)
    handler.setFormatter(logging.Formatter(LOG_FORMAT))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
