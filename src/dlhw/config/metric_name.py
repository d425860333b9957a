"""Names of metrics as an experiment writes them: columns of `dlhw.load_runs`."""

import re
from collections.abc import Iterator

SCORE = re.compile(r"(final|best|selected)[./](train|val|test)[./](loss|accuracy)")
_CURVE = r"(train|val)[./](loss|accuracy)"
# Metrics computed from a run's files when an experiment names them: kind -> what may follow it.
DERIVED_KINDS = {
    "spread": _CURVE,
    "jump": _CURVE,
    "rise": _CURVE,
    "best_at": _CURVE,
    "period": _CURVE,
    "gap": r"(train|val)[./](val|test)[./](loss|accuracy)",
    "error": r"(train|val|test)",
    "squared_norm": r"(weights|biases|parameters)",
    "roughness": r"weights",
}
DERIVED = re.compile("|".join(f"{kind}[./]{rest}" for kind, rest in DERIVED_KINDS.items()))
COUNT = re.compile(r"epochs|steps|best_epoch|(own_)?seconds|num_parameters|diverged_at|values\..+")
METRICS = (
    "final|best|selected/train|val|test/loss|accuracy, "
    "spread|jump|rise|best_at|period/train|val/loss|accuracy, "
    "gap/train/val|test/loss|accuracy, error/train|val|test, squared_norm/weights|biases|parameters, "
    "roughness/weights, values.NAME, epochs, steps or another count"
)


def metric_problems(key: str, metric: str | None) -> Iterator[str]:
    """Problem unless a run can have a column of that name."""
    if metric is None or not any(known.fullmatch(metric) for known in (SCORE, DERIVED, COUNT)):
        yield f"{key} must be {METRICS}, got {'null' if metric is None else metric}"
