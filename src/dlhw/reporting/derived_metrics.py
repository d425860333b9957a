"""Derived metrics: numbers that are computed on demand from a run's scores, curves or last checkpoint."""

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlhw.config.experiment_entries import DERIVED
from dlhw.errors import RunFolderError
from dlhw.reporting.metrics import metric_of
from dlhw.runs.folder import RunFolder

if TYPE_CHECKING:
    import pandas

# The autocorrelation from which a curve counts as periodic.
LEAST_CORRELATION = 0.5


def with_derived(frame: "pandas.DataFrame", names: Sequence[str]) -> "pandas.DataFrame":
    """Add a column for each derived metric; NaN for a run whose files lack the data.

    Args:
        frame: of `load_runs`.
        names: of metrics, such as `spread/val/accuracy` or `squared_norm/weights`; metrics that are not
            derived are ignored.

    Returns:
        A frame with the additional columns.
    """
    columns = dict.fromkeys(metric_of(name).name for name in names if DERIVED.fullmatch(name))
    rows = frame.to_dict("records") if columns else []
    return frame.assign(**{name: [_derived(name, row) for row in rows] for name in columns})


def _derived(name: str, row: Mapping[Any, Any]) -> float:
    kind, *rest = name.split("/")
    try:
        if kind in SCORED:
            return SCORED[kind](row, *rest)
        return READ[kind](Path(row["folder"]), *rest)
    except (RunFolderError, OSError):
        return math.nan


def _second_half(folder: Path, split: str, kind: str) -> list[float]:
    scores = [row[kind] for row in RunFolder(folder).curves() if row["split"] == split]
    return scores[len(scores) // 2 :]


def spread(folder: Path, split: str, kind: str) -> float:
    """Standard deviation (of the sample) of a score over the second half of a run's evaluations.

    Args:
        folder: of the run.
        part: train or val.
        kind: loss or accuracy.

    Returns:
        The deviation, in units of the score; NaN for fewer than two values.

    Raises:
        RunFolderError: if metrics.csv is damaged.
    """
    late = _second_half(folder, split, kind)
    return statistics.stdev(late) if len(late) > 1 and all(map(math.isfinite, late)) else math.nan


def jump(folder: Path, split: str, kind: str) -> float:
    """Mean |s_t - s_(t-1)| between successive evaluations in the second half of a run.

    Arguments, errors and NaN are those of `spread`.
    """
    late = _second_half(folder, split, kind)
    steps = [abs(after - before) for before, after in zip(late, late[1:], strict=False)]
    return statistics.fmean(steps) if steps else math.nan


def rise(folder: Path, split: str, kind: str) -> float:
    """Score of the last evaluation minus that of the one before; arguments and errors as in `spread`.

    Returns:
        The difference; NaN for fewer than two evaluations.
    """
    last = [row[kind] for row in RunFolder(folder).curves() if row["split"] == split][-2:]
    return last[1] - last[0] if len(last) == 2 else math.nan


def best_at(folder: Path, split: str, kind: str) -> float:
    """Epoch of the first evaluation with the largest accuracy or the smallest loss.

    Arguments and errors are those of `spread`.

    Returns:
        The epoch; NaN without an evaluation.
    """
    rows = [row for row in RunFolder(folder).curves() if row["split"] == split and math.isfinite(row[kind])]
    sign = -1 if kind == "accuracy" else 1
    return float(min(rows, key=lambda row: sign * row[kind])["epoch"]) if rows else math.nan


def period(folder: Path, split: str, kind: str) -> float:
    """Period, in steps, of the changes of a score over the second half of a run's evaluations.

    It is the lag with the largest autocorrelation of the differences between successive evaluations.
    Arguments and errors are those of `spread`.

    Returns:
        The lag in steps; NaN unless evaluations are equally spaced and a correlation exceeds 0.5.
    """
    rows = [row for row in RunFolder(folder).curves() if row["split"] == split]
    late = rows[len(rows) // 2 :]
    distances = [after["step"] - before["step"] for before, after in zip(late, late[1:], strict=False)]
    if distances[-1:] != distances[:1]:  # the evaluation after the last step is not spaced as the others
        late, distances = late[:-1], distances[:-1]
    changes = [after[kind] - before[kind] for before, after in zip(late, late[1:], strict=False)]
    if len(set(distances)) != 1 or not all(map(math.isfinite, changes)):
        return math.nan
    mean = statistics.fmean(changes)
    centred = [change - mean for change in changes]
    correlations = {lag: _correlation(centred, lag) for lag in range(1, len(centred) // 2 + 1)}
    best = max(correlations, key=lambda lag: correlations[lag], default=0)
    return float(best * distances[0]) if best and correlations[best] > LEAST_CORRELATION else math.nan


def _correlation(centred: Sequence[float], lag: int) -> float:
    """Autocorrelation of a centred series at a lag."""
    size = statistics.fmean(value * value for value in centred)
    products = [value * shifted for value, shifted in zip(centred, centred[lag:], strict=False)]
    return statistics.fmean(products) / size if size else 0.0


def squared_norm(folder: Path, what: str) -> float:
    """Sum of squares of a run's last weights, biases, or all parameters.

    Args:
        folder: of the run.
        what: weights, biases or parameters.

    Raises:
        RunFolderError: if the last checkpoint is missing or damaged.
    """
    from dlhw.callbacks.checkpoints import load_checkpoint  # imports torch, which is slow
    from dlhw.sections import under

    tensors, _ = load_checkpoint(RunFolder(folder).checkpoint("last"))
    parameters = under("parameters", tensors)
    counted = [
        tensor
        for name, tensor in parameters.items()
        if what == "parameters" or name.endswith("bias") == (what == "biases")
    ]
    return math.fsum(float(tensor.double().square().sum()) for tensor in counted)


def roughness(folder: Path, what: str) -> float:
    """Total variation of a run's last first-layer weights, as images, divided by the sum of their magnitudes.

    For the weights w of one image per unit, with pixels (i, j):

        Σ |w_(i+1,j) - w_(i,j)| + |w_(i,j+1) - w_(i,j)|  /  Σ |w_(i,j)|

    It is invariant under scaling of the weights. White noise has about 2.8, a linear ramp almost 0.

    Args:
        folder: of the run.
        what: weights.

    Returns:
        The ratio; NaN if no layer has one weight per pixel, or all weights are zero.

    Raises:
        RunFolderError: if the last checkpoint is missing or damaged.
    """
    from dlhw.callbacks.checkpoints import load_checkpoint  # imports torch, which is slow
    from dlhw.sections import under

    tensors, state = load_checkpoint(RunFolder(folder).checkpoint("last"))
    shape = [int(size) for size in state.get("input_shape", ())]
    layers = [tensor for tensor in under("parameters", tensors).values() if tensor.ndim == 2]
    fitting = [tensor for tensor in layers if tensor.shape[0] == math.prod(shape)]
    if len(shape) != 3 or not fitting:
        return math.nan
    images_OCHW = fitting[0].double().T.reshape(-1, *shape)
    magnitude = float(images_OCHW.abs().sum())
    variation = sum(float(images_OCHW.diff(dim=axis).abs().sum()) for axis in (-1, -2))
    return variation / magnitude if magnitude else math.nan


def gap(row: Mapping[Any, Any], split: str, other: str, kind: str) -> float:
    """Final score on one split minus that on another; on test data, the score of the selected parameters."""
    return _score(row, split, kind) - _score(row, other, kind)


def error(row: Mapping[Any, Any], split: str) -> float:
    """Error rate, 1 − final accuracy on a split; on test data, that of the selected parameters."""
    return 1 - _score(row, split, "accuracy")


def _score(row: Mapping[Any, Any], split: str, kind: str) -> float:
    value = row.get(f"{'selected' if split == 'test' else 'final'}/{split}/{kind}")
    return float(value) if isinstance(value, int | float) else math.nan


SCORED: dict[str, Callable[..., float]] = {"gap": gap, "error": error}
READ: dict[str, Callable[..., float]] = {
    "spread": spread,
    "jump": jump,
    "rise": rise,
    "best_at": best_at,
    "period": period,
    "squared_norm": squared_norm,
    "roughness": roughness,
}
