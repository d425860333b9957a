"""`dlhw-train`: compose a config, train it, leave curves, tables and checkpoints in a folder of its own."""

import logging
import shutil
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import hydra
import hydra.core.utils
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from dlhw.commands.cli import explain_any, run_command
from dlhw.config.catalogue import conf_dir
from dlhw.config.load import to_config
from dlhw.display import visible
from dlhw.environment_checks import outlast_readers
from dlhw.errors import UserError
from dlhw.hydra_support.callback import Refused
from dlhw.hydra_support.checked_loader import checked_loading
from dlhw.hydra_support.run_job import save_config
from dlhw.hydra_support.store import register
from dlhw.interruption import Interrupted
from dlhw.locks import is_held
from dlhw.runs.folder import RunFolder
from dlhw.runs.status import Status
from dlhw.sweep.arguments import sweep_arguments

if TYPE_CHECKING:
    from dlhw.config.root import TrainConfig
    from dlhw.training.events import RunResult
    from dlhw.training.state import ResumeState

USAGE = """\
dlhw-train: train one run, or a sweep of runs, from a composed config.

usage: dlhw-train [GROUP=OPTION] [KEY=VALUE] ... [-m | --multirun] [--cfg job] [--resolve]

  dlhw-train                                          an MLP on scikit-learn's digits
  dlhw-train data=mnist optimizer.lr=0.05             the same on MNIST
  dlhw-train model=cnn model.pooling=max              a small CNN
  dlhw-train -m optimizer.lr=1,0.1,0.01 seeds=3       a sweep: nine runs, trained together
  dlhw-train resume=RUN_DIR                           resume a run that was cut off
  dlhw-train --cfg job                                show the config, train nothing
  dlhw-train --help all                               every key with its default and meaning
  dlhw-train --help data=csv                          one topic: an option, a group, a key, an experiment
  dlhw-train --hydra-help                             Hydra's own options

A run writes runs/<name>/<time>/: metrics.csv, summary.json, checkpoints/, TensorBoard events, .hydra/.
A sweep writes runs/<name>/by-<swept keys>/, a folder a run; again, it runs only what is missing. It takes
seeds=N too, '+zip={KEY:[...],KEY:[...]}' (values that move together) and '+grids=[{...},{...}]' (a union).

groups (default: model=mlp data=digits optimizer=sgd schedule=constant regularizer=none):
"""

RESUME = "resume="
log = logging.getLogger("dlhw")


def main() -> None:
    """Entry point of the command."""
    if {"--help", "-h"} & set(sys.argv[1:]):
        run_command("dlhw-train", lambda: print(help_text(sys.argv[1:])))
        return
    outlast_readers()
    run_command("dlhw-train", lambda: train(sys.argv[1:]))


def train(arguments: list[str]) -> int | None:
    """Go on with a run, or compose a config and train it; returns the exit status."""
    if any(argument.startswith(RESUME) for argument in arguments):
        from dlhw.commands.resume import resume

        return resume(arguments)
    compose_and_train()
    return None


def help_text(arguments: list[str]) -> str:
    """What `--help` prints: all of it, or the topics that are named beside it.

    Raises:
        ConfigError: if there is no such topic.
    """
    from dlhw.hydra_support.help import groups_text, keys_text, topic_text

    topics = [argument for argument in arguments if not argument.startswith("-")]
    if "all" in topics:
        return USAGE + groups_text() + "\n\nkeys:\n" + keys_text()
    if topics:
        return "\n\n".join(map(topic_text, topics))
    return (
        USAGE + groups_text() + "\n\nEvery key: dlhw-train --help all; one topic: dlhw-train --help data=csv"
    )


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
            raise Refused(error) from error  # Hydra would print the overrides above our sentence
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


def train_run(
    config: "TrainConfig", folder: Path, saved: "ResumeState | None" = None, *, is_single: bool = True
) -> "RunResult":
    """Train a single run, which is a cohort of one, into its folder; or compute what its procedure says.

    Args:
        config: the run's.
        folder: the run's, which exists.
        saved: the checkpoint that it resumes from.
        is_single: whether it is the command's only run, not one of a sweep.

    Raises:
        DivergedError: if it diverges, unless `trainer.on_divergence` accepts that.
        Interrupted: if a signal ended it, once a checkpoint is written.
    """
    if not config.procedure.trains:
        return compute_run(config, folder)
    from dlhw.callbacks.advice import AdviceTracker, advice_for
    from dlhw.callbacks.trackers import run_trackers
    from dlhw.data.dataset import load_dataset
    from dlhw.training.device import DTYPES, resolve_device
    from dlhw.training.fit import divergence_error, divergence_text, fit

    resolve_device(config.trainer.device)
    dataset = load_dataset(config.data, config.data_seed(), DTYPES[config.trainer.dtype])
    advice = partial(advice_for, config, dataset)  # looks at every sample, so only where it is needed
    adviser = AdviceTracker(advice)
    log.info("training %s on %s into %s", config.model.name, config.data.name, visible(str(folder)))
    (result,) = fit(
        [config],
        [dataset],
        lambda run, each: [*run_trackers(each, folder, show_console=True), adviser],
        None if saved is None else [saved],
    )
    log.info("%s after %d steps, %.2f s", result.status, result.steps, result.seconds)
    if result.status is Status.diverged:
        hint = "" if adviser.is_said else advice()
        if (error := divergence_error(result, config, hint, is_single=is_single)) is not None:
            raise error
        if is_single:
            print(f"dlhw-train: {divergence_text(result, hint)}", file=sys.stderr, flush=True)
    return result


def compute_run(config: "TrainConfig", folder: Path) -> "RunResult":
    """Do what a procedure that does not train says, and leave its files in a run's folder."""
    from dlhw.callbacks.summary import write_failure
    from dlhw.procedures.run_procedure import run_procedure

    log.info("%s into %s", config.procedure.name, visible(str(folder)))
    try:
        result = run_procedure(config, folder)
        log.info("%s after %.2f s", result.status, result.seconds)
        return result
    except UserError:
        raise  # what cannot be computed leaves no folder
    except Exception as error:
        write_failure(folder, str(error) or repr(error))
        raise


def _discard(folder: Path) -> None:
    """Remove a folder that holds nothing but what Hydra put there: the run never began."""
    if not is_held(folder):  # another process has made it anew
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


if __name__ == "__main__":
    main()
