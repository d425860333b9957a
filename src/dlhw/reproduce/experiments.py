"""The available experiments, and running one of them in a process of its own."""

import multiprocessing
import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from multiprocessing.process import BaseProcess
from pathlib import Path

from dlhw.config.catalogue import experiment_names, is_quick, no_such_experiment, question_of
from dlhw.config.data import DataConfig
from dlhw.config.experiment import ExperimentConfig
from dlhw.errors import ConfigError, listing
from dlhw.hydra_support.messages import FULL_ERROR
from dlhw.hydra_support.overrides import quoted

# Seconds that an interrupted run may take to write its files.
PATIENCE = 30.0
# The number of lines of a failed run's log that are shown.
TAIL = 12
LOG = "train.log"
# The module of `dlhw-train`. The child is that command, so it is named, as on a command line, not imported.
COMMAND = "dlhw.commands.train"
# Imports take two of the three seconds of a small experiment. Where processes can be forked, children are
# forked from a server that has only done these imports: it has computed nothing and started no threads.
IMPORTED = [
    COMMAND,
    "dlhw.execution.cohorts",
    "dlhw.reporting.console",
    "pandas",
    "scipy.optimize",
]


def chosen_experiments(words: Sequence[str], *, quick: bool = False) -> list[str]:
    """The experiments that the arguments of the command line name, each once; all without arguments.

    Raises:
        ConfigError: if a word is neither an experiment nor a source.
    """
    names = experiment_names()
    chosen = [name for word in words for name in _named(word.strip("/"), names)] if words else names
    return [name for name in dict.fromkeys(chosen) if not quick or is_quick(name)]


def _named(word: str, names: Sequence[str]) -> list[str]:
    matching = [name for name in names if word in (name, name.partition("/")[0])]
    if not matching:
        raise ConfigError(no_such_experiment(word))
    return matching


def missing_data(experiment: ExperimentConfig) -> str | None:
    """Why the experiment cannot be run here: the data file that is missing; None if its data is available.

    Raises:
        ConfigError: if it needs data that is not known.
    """
    if experiment.needs is None:
        return None
    downloaded = [name for name, schema in DataConfig.options.items() if schema.is_downloaded]
    if experiment.needs not in downloaded:
        raise ConfigError(f"experiment.needs must be {listing(downloaded)}, got {experiment.needs}")
    from dlhw.hydra_support.compose import compose

    data = compose([f"data={experiment.needs}"]).data
    missing = next((path for path in data.files().values() if not path.exists()), None)
    return None if missing is None else f"needs {experiment.needs}, and {missing} is not there"


def list_lines(labels: Sequence[str]) -> list[str]:
    """One line per experiment: name, whether it is quick, its question."""
    width = max(map(len, labels), default=0)
    quick = {label: "quick" if is_quick(label) else "" for label in labels}
    return [f"{label:{width}}  {quick[label]:5}  {question_of(label)}" for label in labels]


def train_experiment(label: str, folder: Path, changes: Sequence[str] = ()) -> tuple[int, str]:
    """Run `dlhw-train experiment=LABEL` in a child process, with its runs and train.log in `folder`.

    Args:
        label: such as `cs7643/lr`.
        folder: of the sweep; created if missing.
        changes: further overrides.

    Returns:
        The exit status, and the last lines of the log.

    Raises:
        KeyboardInterrupt: if this process is interrupted, after the child has ended.
    """
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / LOG
    log.touch()
    child = _child_process(training_arguments(label, folder, changes), log)
    child.start()
    try:
        child.join()
    except BaseException:
        _end_child(child)
        raise
    return child.exitcode or 0, tail(log)


def _child_process(argv: list[str], log: Path) -> BaseProcess:
    if sys.platform != "linux":  # on other systems libraries do not support forking
        return multiprocessing.get_context("spawn").Process(target=_run_child, args=(argv, log))
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(IMPORTED)
    return context.Process(target=_run_child, args=(argv, log))


def _run_child(argv: list[str], log: Path) -> None:
    """The child process: run `dlhw-train` with these arguments."""
    os.setsid()  # so that Ctrl-C reaches it once, through the parent
    with log.open("wb") as output, open(os.devnull, "rb") as nothing:
        for source, number in ((nothing, 0), (output, 1), (output, 2)):
            os.dup2(source.fileno(), number)
    # The parent's command has Hydra raise errors; the child prints them as sentences.
    os.environ.pop(FULL_ERROR, None)
    sys.argv = ["dlhw-train", *argv]
    import_module(COMMAND).main()


def training_arguments(label: str, folder: Path, changes: Sequence[str] = ()) -> list[str]:
    """The arguments of `dlhw-train`. Runs of an earlier version of code or config are computed again."""
    return [
        f"experiment={label}",
        *changes,
        f"hydra.sweep.dir={quoted(str(folder))}",
        "hydra.sweeper.on_change=recompute",
        "tracking.console=none",
        "tracking.tensorboard=false",
    ]


def _end_child(child: BaseProcess) -> None:
    """Interrupt the child as Ctrl-C does; kill it if it does not end in time."""
    for how in (signal.SIGINT, signal.SIGKILL):
        if child.is_alive() and child.pid is not None:
            os.kill(child.pid, how)
            child.join(PATIENCE)


def tail(log: Path) -> str:
    """The last lines of a log."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join([line.rstrip() for line in lines if line.strip()][-TAIL:])
