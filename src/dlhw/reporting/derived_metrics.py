"""Numbers that no summary holds, computed from a run's scores, curves or checkpoint on demand."""

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

# Autocorrelation above which a curve is said to repeat.
LEAST_CORRELATION = 0.5


def with_derived(frame: "pandas.DataFrame", names: Sequence[str]) -> "pandas.DataFrame":
    """Add the columns among `names` that are derived; NaN for a run whose files lack what they need.

    Args:
        frame: of `load_runs`.
        names: of metrics, such as `spread/val/accuracy` or `squared_norm/weights`; those that are not
            derived add nothing.
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


def _second_half(folder: Path, part: str, kind: str) -> list[float]:
    scores = [row[kind] for row in RunFolder(folder).curves() if row["split"] == part]
    return scores[len(scores) // 2 :]


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
    late = _second_half(folder, part, kind)
    return statistics.stdev(late) if len(late) > 1 and all(map(math.isfinite, late)) else math.nan


def jump(folder: Path, part: str, kind: str) -> float:
    """Mean |s_t - s_(t-1)| between successive evaluations in the second half of a run.

    Arguments, errors and NaN are those of `spread`.
    """
    late = _second_half(folder, part, kind)
    steps = [abs(after - before) for before, after in zip(late, late[1:], strict=False)]
    return statistics.fmean(steps) if steps else math.nan


def rise(folder: Path, part: str, kind: str) -> float:
    """Score of the last evaluation minus that of the one before; arguments and errors as in `spread`.

    Returns:
        The difference; NaN where there are fewer than two evaluations.
    """
    last = [row[kind] for row in RunFolder(folder).curves() if row["split"] == part][-2:]
    return last[1] - last[0] if len(last) == 2 else math.nan


def best_at(folder: Path, part: str, kind: str) -> float:
    """Epoch of the evaluation with the largest accuracy or the smallest loss, the first of equals.

    Arguments and errors are those of `spread`.

    Returns:
        The epoch; NaN without an evaluation.
    """
    rows = [row for row in RunFolder(folder).curves() if row["split"] == part and math.isfinite(row[kind])]
    sign = -1 if kind == "accuracy" else 1
    return float(min(rows, key=lambda row: sign * row[kind])["epoch"]) if rows else math.nan


def period(folder: Path, part: str, kind: str) -> float:
    """Steps after which the changes of a score repeat, over the second half of a run's evaluations.

    The lag with the largest autocorrelation of the differences between successive evaluations. Arguments and
    errors are those of `spread`.

    Returns:
        The lag in steps; NaN unless the evaluations are equally far apart and some correlation exceeds 0.5.
    """
    rows = [row for row in RunFolder(folder).curves() if row["split"] == part]
    late = rows[len(rows) // 2 :]
    distances = [after["step"] - before["step"] for before, after in zip(late, late[1:], strict=False)]
    if distances[-1:] != distances[:1]:  # the evaluation after the last step comes out of turn
        late, distances = late[:-1], distances[:-1]
    changes = [after[kind] - before[kind] for before, after in zip(late, late[1:], strict=False)]
    if len(set(distances)) != 1 or not all(map(math.isfinite, changes)):
        return math.nan
    mean = statistics.fmean(changes)
    centred = [change - mean for change in changes]
    found = {lag: _correlation(centred, lag) for lag in range(1, len(centred) // 2 + 1)}
    best = max(found, key=lambda lag: found[lag], default=0)
    return float(best * distances[0]) if best and found[best] > LEAST_CORRELATION else math.nan


def _correlation(centred: Sequence[float], lag: int) -> float:
    """Of a series with itself, `lag` places later."""
    size = statistics.fmean(value * value for value in centred)
    products = [one * other for one, other in zip(centred, centred[lag:], strict=False)]
    return statistics.fmean(products) / size if size else 0.0


def squared_norm(folder: Path, what: str) -> float:
    """Sum of the squares of a run's last weights, biases, or both.

    Args:
        folder: of the run.
        what: weights, biases or parameters.

    Raises:
        RunFolderError: if the last checkpoint is missing or damaged.
    """
    from dlhw.callbacks.checkpoint import load_checkpoint  # torch takes its time
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
    """Total variation of a run's last first-layer weights, drawn as images, over the sum of their magnitudes.

    For weights w of one image per unit, with pixels (i, j):

        Σ |w_(i+1,j) - w_(i,j)| + |w_(i,j+1) - w_(i,j)|  /  Σ |w_(i,j)|

    A common factor of all weights does not change it; white noise has about 2.8, a linear ramp almost 0.

    Args:
        folder: of the run.
        what: weights.

    Returns:
        The ratio; NaN where no layer has a weight for each pixel, or all of them are zero.

    Raises:
        RunFolderError: if the last checkpoint is missing or damaged.
    """
    from dlhw.callbacks.checkpoint import load_checkpoint  # torch takes its time
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


def gap(row: Mapping[Any, Any], part: str, other: str, kind: str) -> float:
    """Final score on one split minus that on another; on test data, the score of the selected parameters."""
    return _score(row, part, kind) - _score(row, other, kind)


def error(row: Mapping[Any, Any], part: str) -> float:
    """1 - final accuracy on a split; on test data, of the selected parameters."""
    return 1 - _score(row, part, "accuracy")


def _score(row: Mapping[Any, Any], part: str, kind: str) -> float:
    value = row.get(f"{'selected' if part == 'test' else 'final'}/{part}/{kind}")
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
