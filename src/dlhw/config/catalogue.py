"""The catalogue of experiments: the files conf/experiment/<source>/<name>.yaml."""

from pathlib import Path

import yaml

from dlhw.config.experiment import ExperimentConfig
from dlhw.errors import ConfigError, did_you_mean, listing

# libyaml reads ten times as fast; both build nothing but plain data.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def conf_dir() -> Path:
    """Folder of the YAML files: inside an installed package, or at the top of a checkout."""
    package = Path(__file__).parents[1]
    inside = package / "conf"
    return inside if inside.is_dir() else package.parents[1] / "conf"


def experiment_names() -> list[str]:
    """Names such as `cs7643/lr`, sorted. A file whose name begins with _ is shared by several experiments."""
    root = conf_dir() / "experiment"
    files = (path.relative_to(root).with_suffix("") for path in root.glob("*/*.yaml"))
    return sorted(path.as_posix() for path in files if not path.name.startswith("_"))


def no_such_experiment(name: str) -> str:
    """The error for an unknown experiment, with the nearest name or all names."""
    names = experiment_names()
    same_end = [option for option in names if option.rpartition("/")[2] == name.rpartition("/")[2]]
    near = f"; did you mean {listing(same_end)}?" if same_end else did_you_mean(name, names)
    return f"experiment={name}: no such experiment{near or f'; there are {listing(names)}'}"


def question_of(name: str) -> str:
    """The question of an experiment, read from its file alone: composing all of them would take seconds."""
    return str(_own_value(name, "question", ""))


def is_quick(name: str) -> bool:
    """Whether an experiment takes seconds and needs no files, according to its own file."""
    return bool(_own_value(name, "quick", False))


def _own_value(name: str, key: str, default: object) -> object:
    text = (conf_dir() / "experiment" / f"{name}.yaml").read_text(encoding="utf-8")
    tree = yaml.load(text, LOADER)  # noqa: S506 (a safe one)
    return (tree.get("experiment") or {}).get(key, default)


def checked(experiment: ExperimentConfig) -> ExperimentConfig:
    """Return the experiment if it has no problems.

    Raises:
        ConfigError: with one sentence for every problem found.
    """
    problems = list(experiment.problems())
    if problems:
        raise ConfigError("\n".join(problems))
    return experiment
