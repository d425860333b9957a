"""dlhw: small deep-learning experiments, one command per table or figure."""

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas

    from dlhw.reporting.sample_comparison import SampleComparison
    from dlhw.runs.predictions import SplitPredictions

__version__ = version("dlhw")


def load_runs(*folders: str | Path) -> "pandas.DataFrame":
    """All runs below some folders as a data frame with one row per run: config, scores, status.

    Args:
        folders: of runs or sweeps; they are searched recursively.

    Raises:
        RunFolderError: if there is no run, or none that can be read.
    """
    from dlhw.reporting.frames import load_runs as load  # pandas is slow to import

    return load(*folders)


def load_predictions(folder: str | Path) -> "SplitPredictions":
    """The predictions of a run for each test sample, as numpy arrays `predicted`, `targets` and `correct`.

    Args:
        folder: of the run.

    Raises:
        RunFolderError: if the run has no predictions, or the file is damaged.
    """
    from dlhw.reporting.sample_comparison import predictions_of

    return predictions_of(Path(folder))


def compare_predictions(
    first: str | Path | Sequence[str | Path], second: str | Path | Sequence[str | Path]
) -> "SampleComparison":
    """Compare two runs, or the paired runs of two cells, on the same test samples.

    Args:
        first: folder of a run, or folders of the runs of a cell.
        second: the same number, in the order that pairs them with `first`.

    Returns:
        Difference of the accuracies with its 95 % interval over test samples (paired bootstrap), and a
        p-value: McNemar's mid-p for one pair of runs, else of the bootstrap.

    Raises:
        RunFolderError: if a run has no predictions, or two runs were tested on different samples.
    """
    from dlhw.reporting.sample_comparison import compare_folders

    return compare_folders(_paths(first), _paths(second))


def _paths(folders: str | Path | Sequence[str | Path]) -> list[Path]:
    return [Path(folders)] if isinstance(folders, str | Path) else [Path(folder) for folder in folders]
