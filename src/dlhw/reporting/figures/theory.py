"""Curves that are known in closed form, to draw beside what was measured."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import nan
from typing import Any

import numpy as np

from dlhw.config.experiment_entries import Theory
from dlhw.errors import RunFolderError
from dlhw.reporting.study import Study

POINTS = 400
# Near n = d the curve is far above all that can be measured.
MARGIN = 0.02
# The loss that a run reports, in units of ½ mean (f − y)².
HALVES = {"auto": 2.0, "squared_error": 2.0, "half_squared_error": 1.0, "quarter_squared_error": 0.5}
SAMPLES = "data.num_train"
OWN_FILES = ("csv", "npz")


@dataclass(frozen=True)
class Line:
    """A curve to draw; NaN where it has a gap."""

    label: str
    x: list[float]
    y: list[float]


def double_descent(n: float, d: int, beta_squared: float, sigma: float) -> float:
    """Expected validation loss of the least-squares solution of least norm, for Gaussian inputs.

        ½ [|β|² (1 − n/d) + σ² (1 + n/(d − n − 1))]    for n < d − 1
        ½ σ² (1 + d/(n − d − 1))                       for n > d + 1

    The loss is ½ mean (f − y)², with the noise on its y as well. In between the expectation is infinite.

    >>> double_descent(250, 500, 1, 0), double_descent(1001, 500, 1, 1), double_descent(500, 500, 1, 1)
    (0.25, 1.0, nan)

    Args:
        n: training samples.
        d: inputs, each N(0, 1).
        beta_squared: squared norm |β|² of the teacher's coefficients.
        sigma: standard deviation of the noise on y.

    Source: Belkin, Hsu and Xu, "Two models of double descent for weak features" (2020); Hastie, Montanari,
    Rosset and Tibshirani, "Surprises in high-dimensional ridgeless least squares interpolation" (2022).
    """
    if n < d - 1:
        return 0.5 * (beta_squared * (1 - n / d) + sigma**2 * (1 + n / (d - n - 1)))
    if n > d + 1:
        return 0.5 * sigma**2 * (1 + d / (n - d - 1))
    return nan


def theory_line(theory: Theory, study: Study, key: str, values: Sequence[float]) -> Line | None:
    """The curve for the data of a study, over the range of the swept values.

    None for a user's own files: who made them knows the teacher and the noise, the run does not.

    Raises:
        RunFolderError: if the curve does not belong to such runs.
    """
    assert theory is Theory.double_descent
    if key != SAMPLES:
        raise RunFolderError(f"theory={theory} is a curve over {SAMPLES}, got x={key}")
    run = study.cells[0].runs[0]
    if run.get("data.name") in OWN_FILES:
        return None
    if run.get("data.name") != "linear_teacher" or run.get("loss") not in HALVES:
        raise RunFolderError(f"theory={theory} is known for data=linear_teacher and squared losses only")
    d, scale, sigma = int(run["data.dim"]), HALVES[run["loss"]], float(run["data.noise"])
    xs = [float(x) for x in np.linspace(min(values), max(values), POINTS)]
    losses = [scale * double_descent(x, d, _squared_norm(run), sigma) for x in xs]
    ys = [nan if abs(x / d - 1) < MARGIN else y for x, y in zip(xs, losses, strict=True)]
    return Line("theory", xs, ys)


def _squared_norm(run: Mapping[str, Any]) -> float:
    """|β|² of the teacher, or its expectation where it is drawn."""
    return float(run["data.num_ones"]) if run.get("data.teacher") == "sparse" else 1.0
