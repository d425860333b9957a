"""Which experiments there are, which are quick, and which lack their data."""

from collections.abc import Sequence

from dlhw.config.catalogue import experiment_names, no_such_experiment, question_of
from dlhw.config.experiment import ExperimentConfig
from dlhw.errors import ConfigError, listing

# Exact, without files, and done in seconds; so their results can be judged as they are.
QUICK = (
    "cs229/min_norm",
    "cs7643/gates",
    "cs7643/identities",
    "ist/interval",
    "ours/dag",
)
# Data that cannot be had everywhere.
FILES = ("octmnist", "mnist", "fashion_mnist")


def chosen(asked: Sequence[str], *, quick: bool = False) -> list[str]:
    """The experiments that the words on the command line name, each once; all without a word.

    Raises:
        ConfigError: if a word is neither an experiment nor a source.
    """
    names = experiment_names()
    found = [name for word in asked for name in _named(word.strip("/"), names)] if asked else names
    return [name for name in dict.fromkeys(found) if name in QUICK or not quick]


def _named(word: str, names: Sequence[str]) -> list[str]:
    found = [name for name in names if word in (name, name.partition("/")[0])]
    if not found:
        raise ConfigError(no_such_experiment(word))
    return found


def missing_data(experiment: ExperimentConfig) -> str | None:
    """Why the experiment cannot be run here; None where its data is at hand.

    Raises:
        ConfigError: if it needs data that nobody knows how to look for.
    """
    if experiment.needs is None:
        return None
    if experiment.needs not in FILES:
        raise ConfigError(f"experiment.needs must be {listing(FILES)}, got {experiment.needs}")
    from dlhw.config.compose import compose

    data = compose([f"data={experiment.needs}"]).data
    missing = next((path for path in data.files().values() if not path.exists()), None)
    return None if missing is None else f"needs {experiment.needs}, and {missing} is not there"


def list_lines(labels: Sequence[str]) -> list[str]:
    """A line an experiment: name, whether it is quick, what it asks."""
    width = max(map(len, labels), default=0)
    quick = {label: "quick" if label in QUICK else "" for label in labels}
    return [f"{label:{width}}  {quick[label]:5}  {question_of(label)}" for label in labels]
