"""The experiments that can be run: files conf/experiment/<source>/<name>.yaml."""

from pathlib import Path

from omegaconf import OmegaConf

from dlhw.config.experiment import ExperimentConfig
from dlhw.errors import ConfigError, did_you_mean, listing


def conf_dir() -> Path:
    """Folder of the YAML files: inside an installed package, or at the top of a checkout."""
    package = Path(__file__).parents[1]
    inside = package / "conf"
    return inside if inside.is_dir() else package.parents[1] / "conf"


def experiment_names() -> list[str]:
    """Such as `cs7643/lr`, sorted. A file that begins with _ is what several have in common."""
    root = conf_dir() / "experiment"
    files = (path.relative_to(root).with_suffix("") for path in root.glob("*/*.yaml"))
    return sorted(path.as_posix() for path in files if not path.name.startswith("_"))


def no_such_experiment(name: str) -> str:
    """A sentence with the nearest, or all."""
    names = experiment_names()
    same_end = [each for each in names if each.rpartition("/")[2] == name.rpartition("/")[2]]
    near = f"; did you mean {listing(same_end)}?" if same_end else did_you_mean(name, names)
    return f"experiment={name}: no such experiment{near or f'; there are {listing(names)}'}"


def question_of(name: str) -> str:
    """What an experiment asks, read from its file alone: composing all of them would take seconds."""
    tree = OmegaConf.load(conf_dir() / "experiment" / f"{name}.yaml")
    return str(OmegaConf.select(tree, "experiment.question", default=""))


def load_experiment(name: str) -> ExperimentConfig:
    """What an experiment's file says under `experiment`, checked.

    Raises:
        ConfigError: if there is no such experiment, or something in it cannot be.
    """
    from dlhw.hydra_support.compose import compose  # Hydra's composing is not needed to list names

    if name not in experiment_names():
        raise ConfigError(no_such_experiment(name))
    found = compose([f"experiment={name}"]).experiment
    if found is None:
        raise ConfigError(f"conf/experiment/{name}.yaml says nothing under experiment")
    return checked(found)


def checked(experiment: ExperimentConfig) -> ExperimentConfig:
    """The experiment itself.

    Raises:
        ConfigError: with one sentence for every problem found.
    """
    problems = list(experiment.problems())
    if problems:
        raise ConfigError("\n".join(problems))
    return experiment
