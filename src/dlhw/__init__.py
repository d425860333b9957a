"""dlhw: small deep-learning experiments, one command per table or figure."""

from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas

__version__ = version("dlhw")


def load_runs(*folders: str | Path) -> "pandas.DataFrame":
    """All runs below some folders as a data frame, one row a run: config, scores, how it ended.

    Args:
        folders: of runs or sweeps, searched with everything below them.

    Raises:
        RunFolderError: if there is no run, or none that can be read.
    """
    from dlhw.reporting.runs import load_runs as load  # pandas is slow to import

    return load(*folders)
