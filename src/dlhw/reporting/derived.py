"""Numbers of a run that its summary does not hold, read from its curves and its checkpoint when asked for."""

import math
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dlhw.config.metric_name import DERIVED
from dlhw.errors import RunFolderError
from dlhw.reporting.metrics import metric_of
from dlhw.reporting.reading import read_curves

if TYPE_CHECKING:
    import pandas


def with_derived(frame: "pandas.DataFrame", names: Sequence[str]) -> "pandas.DataFrame":
    """Add the columns among `names` that are derived; NaN for a run whose files do not tell.

    Args:
        frame: of `load_runs`.
        names: of metrics; `spread/val/accuracy` and `squared_norm/weights` are derived, others are not.
    """
    columns = dict.fromkeys(metric_of(name).name for name in names if DERIVED.fullmatch(name))
    made = {name: [_derived(name, Path(folder)) for folder in frame["folder"]] for name in columns}
    return frame.assign(**made)


def _derived(name: str, folder: Path) -> float:
    kind, *rest = name.split("/")
    try:
        return spread(folder, *rest) if kind == "spread" else squared_norm(folder, *rest)
    except (RunFolderError, OSError):
        return math.nan


def spread(folder: Path, part: str, kind: str) -> float:
    """Standard deviation (of the sample) of a score over the second half of a run's evaluations.

    Args:
        folder: of the run.
        part: train or val.
        kind: loss or accuracy.

    Returns:
        The deviation, in units of the score; NaN where fewer than two values are left.

    Raises:
        RunFolderError: if metrics.csv is damaged.
    """
    scores = [row[kind] for row in read_curves(folder) if row["split"] == part]
    late = scores[len(scores) // 2 :]
    return statistics.stdev(late) if len(late) > 1 and all(map(math.isfinite, late)) else math.nan


def squared_norm(folder: Path, what: str) -> float:
    """Sum of the squares of a run's last weights, or of all its parameters.

    Args:
        folder: of the run.
        what: weights or parameters.

    Raises:
        RunFolderError: if the last checkpoint is missing or damaged.
    """
    from dlhw.tracking.checkpoint import load_checkpoint, under  # torch takes its time

    tensors, _ = load_checkpoint(folder / "checkpoints" / "last.safetensors")
    parameters = under("parameters", tensors)
    counted = [each for name, each in parameters.items() if what == "parameters" or not name.endswith("bias")]
    return math.fsum(float(each.double().square().sum()) for each in counted)
