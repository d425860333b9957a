"""Names of metrics as an experiment writes them: columns of `dlhw.load_runs`."""

import re
from collections.abc import Iterator

SCORE = re.compile(r"(final|best|selected)[./](train|val|test)[./](loss|accuracy)")
DERIVED = re.compile(r"spread[./](train|val)[./](loss|accuracy)|squared_norm[./](weights|parameters)")
COUNT = re.compile(r"epochs|steps|best_epoch|seconds|num_parameters|diverged_at|values\..+")
METRICS = (
    "final|best|selected/train|val|test/loss|accuracy, spread/train|val/loss|accuracy, squared_norm/weights, "
    "values.NAME, epochs, steps or another count"
)


def metric_problems(key: str, metric: str | None) -> Iterator[str]:
    """Problem unless a run can have a column of that name."""
    if metric is None or not any(known.fullmatch(metric) for known in (SCORE, DERIVED, COUNT)):
        yield f"{key} must be {METRICS}, got {'null' if metric is None else metric}"
