"""`dlhw-train`: compose a config, train it, leave curves, tables and checkpoints in a folder of its own."""

import logging
import shutil
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from dlhw.cli import run_command
from dlhw.config.callback import Refused
from dlhw.config.load import to_config
from dlhw.config.store import conf_dir, register
from dlhw.errors import UserError
from dlhw.sweep.arguments import sweep_arguments

if TYPE_CHECKING:
    from dlhw.config.root import TrainConfig
    from dlhw.training.events import RunResult

USAGE = """\
dlhw-train: train one run, or a sweep of runs, from a composed config.

usage: dlhw-train [GROUP=OPTION] [KEY=VALUE] ... [-m | --multirun] [--cfg job] [--resolve]

  dlhw-train                                          an MLP on scikit-learn's digits
  dlhw-train data=mnist optimizer.lr=0.05             the same on MNIST
  dlhw-train model=cnn model.pooling=max              a small CNN
  dlhw-train -m optimizer.lr=1,0.1,0.01 seeds=3       a sweep: nine runs, trained together
  dlhw-train --cfg job                                show the config, train nothing
  dlhw-train --help all                               every key with its default and meaning
  dlhw-train --hydra-help                             Hydra's own options

A run writes runs/<name>/<time>/: metrics.csv, summary.json, checkpoints/, TensorBoard events, .hydra/.
A sweep writes runs/<name>/by-<swept keys>/, a folder a run; again, it runs only what is missing. It takes
seeds=N too, '+zip={KEY:[...],KEY:[...]}' (values that move together) and '+grids=[{...},{...}]' (a union).

groups (default: model=mlp data=digits optimizer=sgd schedule=constant regularizer=none):
"""

log = logging.getLogger("dlhw")


def main() -> None:
    """Entry point of the command."""
    if {"--help", "-h"} & set(sys.argv[1:]):
        print(help_text("all" in sys.argv[1:]))
        return
    run_command("dlhw-train", lambda: compose_and_train())


def help_text(every_key: bool) -> str:
    """What `--help` prints."""
    from dlhw.config.help import groups_text, keys_text

    keys = "\n\nkeys:\n" + keys_text() if every_key else "\n\nEvery key: dlhw-train --help all"
    return USAGE + groups_text() + keys


def compose_and_train() -> None:
    """Let Hydra compose the config (or the configs of a sweep) and call `task` with each."""
    register()
    sys.argv[1:] = sweep_arguments(sys.argv[1:])
    hydra.main(config_path=str(conf_dir()), config_name="train", version_base="1.3")(task)()


def task(composed: DictConfig) -> float | None:
    """One run: the function that Hydra calls.

    Returns:
        The objective: best validation accuracy, or loss for regression; None without validation.
    """
    folder = Path(HydraConfig.get().runtime.output_dir)
    try:
        result = train_run(to_config(composed), folder)
    except UserError as error:
        _discard(folder)
        if HydraConfig.get().mode is RunMode.RUN:
            raise Refused(error) from error  # Hydra would print the overrides above our sentence
        raise
    log.info("%s after %d steps, %.2f s", result.status, result.steps, result.seconds)
    from dlhw.training.result import objective

    return objective(result)


task.trains_config = True  # type: ignore[attr-defined]  # the fused launcher may train its jobs as cohorts


def train_run(config: "TrainConfig", folder: Path) -> "RunResult":
    """Train a single run, which is a cohort of one, into its folder; or compute what its procedure says."""
    if not config.procedure.trains:
        return compute_run(config, folder)
    from dlhw.data.dataset import load_dataset
    from dlhw.tracking.trackers import run_trackers
    from dlhw.training.device import DTYPES, resolve_device
    from dlhw.training.fit import fit

    resolve_device(config.trainer.device)
    dataset = load_dataset(config.data, config.data_seed(), DTYPES[config.trainer.dtype])
    log.info("training %s on %s into %s", config.model.name, config.data.name, folder)
    (result,) = fit([config], [dataset], lambda run, each: run_trackers(each, folder, show_console=True))
    return result


def compute_run(config: "TrainConfig", folder: Path) -> "RunResult":
    """Do what a procedure that does not train says, and leave its files in a run's folder."""
    from dlhw.procedures.running import run_procedure
    from dlhw.tracking.summary import write_failure

    log.info("%s into %s", config.procedure.name, folder)
    try:
        return run_procedure(config, folder)
    except UserError:
        raise  # what cannot be computed leaves no folder
    except Exception as error:
        write_failure(folder, str(error) or repr(error))
        raise


def _discard(folder: Path) -> None:
    """Remove a folder that holds nothing but what Hydra put there: the run never began."""
    made_by_hydra = {".hydra", f"{HydraConfig.get().job.name}.log"}
    if folder.is_dir() and {entry.name for entry in folder.iterdir()} <= made_by_hydra:
        for handler in logging.getLogger().handlers:
            handler.close()
        shutil.rmtree(folder)
        with suppress(OSError):  # not empty: there are other runs of that name
            folder.parent.rmdir()


if __name__ == "__main__":
    main()
