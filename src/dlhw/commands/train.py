"""`dlhw-train`: compose a config, train it, leave curves, tables and checkpoints in a folder of its own."""

import sys

from dlhw.commands.cli import run_command
from dlhw.commands.resume import RESUME, resume
from dlhw.environment_checks import outlast_readers

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


def main() -> None:
    """Entry point of the command."""
    if {"--help", "-h"} & set(sys.argv[1:]):
        run_command("dlhw-train", lambda: print(help_text(sys.argv[1:])))
        return
    outlast_readers()
    run_command("dlhw-train", lambda: train(sys.argv[1:]))


def train(arguments: list[str]) -> int | None:
    """Resume a run, or compose a config and train it; returns the exit status."""
    if any(argument.startswith(RESUME) for argument in arguments):
        return resume(arguments)
    from dlhw.hydra_support.task import compose_and_train

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


if __name__ == "__main__":
    main()
