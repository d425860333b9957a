"""Procedure `certificate`: two classes are linearly separable, or provably not."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch

from dlhw.config.root import TrainConfig
from dlhw.data.dataset import load_dataset
from dlhw.errors import ConfigError, DataError
from dlhw.procedures.findings import Findings, Row

# Hulls closer than this, relative to the largest coordinate, count as meeting; see the residual.
TOLERANCE = 1e-9
# The smallest tolerance that HiGHS accepts.
SOLVER_TOLERANCE = 1e-10


@dataclass(frozen=True, kw_only=True)
class Separable:
    """Proof that a linear threshold unit exists: one that classifies every point correctly.

    Args:
        weights_I: w.
        bias: b, so that w . x + b >= 1 on the points of class 1 and <= -1 on those of class 0.
        gap: distance of the two convex hulls, as the largest difference of a coordinate.
        residual: how far the worst point is on the wrong side of 1 or -1; at most rounding.
    """

    weights_I: np.ndarray
    bias: float
    gap: float
    residual: float


@dataclass(frozen=True, kw_only=True)
class Inseparable:
    """Proof that no linear threshold unit exists: a point that is a convex combination of either class.

    Args:
        multipliers_N: y >= 0, one a point, summing to 1 over each class.
        meeting_point_I: sum over class 1 of y_n x_n.
        residual: largest coordinate of its difference to the same sum over class 0, relative to the largest
            coordinate of a point, or error of a sum of y; at most rounding if the hulls meet.
    """

    multipliers_N: np.ndarray
    meeting_point_I: np.ndarray
    residual: float


def separate(x_NI: np.ndarray, labels_N: np.ndarray) -> Separable | Inseparable:
    """Find a linear threshold unit for two classes, or the proof that there is none.

    Exactly one of these systems has a solution (Farkas' lemma; for points: two finite sets have a separating
    hyperplane unless their convex hulls meet):

        w . x_n + b >= 1 for class 1,   w . x_n + b <= -1 for class 0                   (a unit)
        sum_1 y_n x_n = sum_0 y_n x_n,   sum_1 y_n = sum_0 y_n = 1,   y >= 0            (hulls that meet)

    One program decides: min t subject to |sum_1 y_n x_n - sum_0 y_n x_n| <= t in every coordinate, with y as
    above. At t = 0 its solution y is the second system's; else its dual solution is the direction of w.
    The result is verified on the points themselves, whatever the solver reported.

    A network whose hidden units are linear is such a unit too, since V(Wx + a) + c = (VW)x + (Va + c): the
    second proof holds for networks of any depth and width without nonlinearities.

    Args:
        x_NI: points, (n, d).
        labels_N: 0 or 1 for each point; both must occur.

    Raises:
        DataError: if neither can be shown in floating point (the hulls nearly touch), or the solver fails.

    Source: Farkas, "Theorie der einfachen Ungleichungen", 1902; Boyd and Vandenberghe, "Convex
    Optimization", 2004, sections 2.5 and 5.8.
    """
    scale = float(np.abs(x_NI).max()) or 1.0
    y_N, gap, direction_I = _nearest_points(x_NI / scale, labels_N)
    unit = _unit(x_NI, labels_N, direction_I / scale, gap * scale)
    if unit is not None:
        return unit
    meeting = _meeting(x_NI, labels_N, y_N, scale)
    if meeting.residual > TOLERANCE:
        raise DataError(
            f"the classes are about {gap * scale:.0e} apart, too little to show in floating point whether a "
            "linear threshold unit separates them"
        )
    return meeting


def _nearest_points(x_NI: np.ndarray, labels_N: np.ndarray) -> tuple[np.ndarray, float, np.ndarray]:
    """Multipliers y of the hulls' nearest points, their distance t, and the dual solution (d,)."""
    from scipy.optimize import linprog  # type: ignore[import-untyped]

    samples, features = x_NI.shape
    is_1_N = labels_N == 1
    difference_IN = np.where(is_1_N, 1.0, -1.0) * x_NI.T
    minus_t = np.full((2 * features, 1), -1.0)
    solved = linprog(
        np.r_[np.zeros(samples), 1.0],
        A_ub=np.hstack([np.vstack([difference_IN, -difference_IN]), minus_t]),
        b_ub=np.zeros(2 * features),
        A_eq=np.stack([np.r_[is_1_N, 0.0], np.r_[~is_1_N, 0.0]]),
        b_eq=np.ones(2),
        options={
            "primal_feasibility_tolerance": SOLVER_TOLERANCE,
            "dual_feasibility_tolerance": SOLVER_TOLERANCE,
        },
    )
    if solved.status != 0:  # the program is feasible and bounded, so the solver has failed
        raise DataError(
            f"the linear program of {samples} points of {features} numbers was not solved: {solved.message}"
        )
    above_I, below_I = np.split(solved.ineqlin.marginals, 2)
    return solved.x[:-1], float(solved.x[-1]), below_I - above_I


def _unit(x_NI: np.ndarray, labels_N: np.ndarray, w_I: np.ndarray, gap: float) -> Separable | None:
    """The unit with this direction and the widest margin; None if it does not separate."""
    scores_N = x_NI @ w_I
    low, high = float(scores_N[labels_N == 1].min()), float(scores_N[labels_N == 0].max())
    if low - high <= TOLERANCE:
        return None
    w_I, bias = w_I * 2 / (low - high), -(low + high) / (low - high)
    margins_N = np.where(labels_N == 1, 1.0, -1.0) * (x_NI @ w_I + bias)
    return Separable(weights_I=w_I, bias=bias, gap=gap, residual=max(0.0, 1 - float(margins_N.min())))


def _meeting(x_NI: np.ndarray, labels_N: np.ndarray, y_N: np.ndarray, scale: float) -> Inseparable:
    y_N = np.maximum(y_N, 0)
    points, sums = [], []
    for label in (1, 0):
        of_class_N = np.where(labels_N == label, y_N, 0)
        points.append(of_class_N @ x_NI)
        sums.append(abs(1 - float(of_class_N.sum())))
    residual = max(float(np.abs(points[0] - points[1]).max()) / scale, *sums)
    return Inseparable(multipliers_N=y_N, meeting_point_I=points[0], residual=residual)


# Largest number of coordinates or points in a sentence; the table has all of them.
MAX_IN_SENTENCE = 6


def certificate(config: TrainConfig) -> Findings:
    """Decide whether a linear threshold unit separates the two classes of the training split.

    Values: `separable` (1 or 0), `gap` (distance of the classes' convex hulls, as the largest difference of a
    coordinate; 0 where they meet) and `residual` (how far the proof is from exact). Table `unit` or
    `certificate` holds the proof: weights and bias, or the multipliers of the points whose convex
    combinations meet. See `dlhw.procedures.certificate.separate` for the statement and its source.

    Raises:
        ConfigError: if the data does not have two classes.
        DataError: if the data cannot be read, its training split lacks a class, or the classes are too near
            each other to decide.
    """
    x_NI, labels_N, digest = _points(config)
    proof = separate(x_NI, labels_N)
    values: dict[str, float]
    if isinstance(proof, Separable):
        values, sentence = {"separable": 1, "gap": proof.gap}, _unit_sentence(proof)
        tables = {"unit": _unit_rows(proof)}
    else:
        values, sentence = {"separable": 0, "gap": 0.0}, _meeting_sentence(proof, x_NI, labels_N)
        tables = {"certificate": _meeting_rows(proof, x_NI, labels_N)}
    return Findings(
        values={**values, "residual": proof.residual},
        sentences=[f"{sentence} (verified, residual {proof.residual:.1e})"],
        tables=tables,
        num_samples={"train": len(labels_N)},
        split_hashes={"train": digest},
    )


def _points(config: TrainConfig) -> tuple[np.ndarray, np.ndarray, str]:
    """Training points (n, d) and their labels, in float64, and the hash of the split."""
    dataset = load_dataset(config.data, config.data_seed(), torch.float64)
    if dataset.num_classes != 2:
        has = "numbers as targets" if dataset.num_classes is None else f"{dataset.num_classes} classes"
        raise ConfigError(
            f"procedure=certificate needs data of 2 classes, data={config.data.name} has {has}: choose two "
            "with data.classes=[a,b]"
        )
    train = dataset.splits["train"]
    if (train.targets == train.targets[0]).all():
        raise DataError(
            f"the training split holds class {int(train.targets[0])} only, so that there is nothing to "
            "separate: use more samples or less data.label_corruption"
        )
    return train.inputs.flatten(1).numpy(), train.targets.numpy(), dataset.hashes["train"]


def _unit_sentence(proof: Separable) -> str:
    numbers = ""
    if len(proof.weights_I) <= MAX_IN_SENTENCE:
        numbers = f": w = {_vector(proof.weights_I)}, b = {proof.bias:.6g}"
    return f"a linear threshold unit separates the classes, w . x + b >= 1 and <= -1{numbers}"


def _meeting_sentence(proof: Inseparable, x_NI: np.ndarray, labels_N: np.ndarray) -> str:
    sentence = "no linear threshold unit separates the classes, since their convex hulls meet"
    is_used = proof.multipliers_N > 0
    if x_NI.shape[1] > MAX_IN_SENTENCE or is_used.sum() > MAX_IN_SENTENCE:
        return sentence
    sums = [
        " + ".join(f"{proof.multipliers_N[n]:.6g} {_vector(x_NI[n])}" for n in np.flatnonzero(of_class))
        for of_class in (is_used & (labels_N == label) for label in (1, 0))
    ]
    return f"{sentence}: {_vector(proof.meeting_point_I)} = {sums[0]} = {sums[1]}"


def _unit_rows(proof: Separable) -> list[Row]:
    weights = [{"parameter": f"w{place}", "value": float(w)} for place, w in enumerate(proof.weights_I, 1)]
    return [*weights, {"parameter": "b", "value": proof.bias}]


def _meeting_rows(proof: Inseparable, x_NI: np.ndarray, labels_N: np.ndarray) -> list[Row]:
    """The points with multipliers above 0."""
    return [
        {"sample": int(n), "class": int(labels_N[n]), "multiplier": float(proof.multipliers_N[n])}
        | {f"x{place}": float(x) for place, x in enumerate(x_NI[n], 1)}
        for n in np.flatnonzero(proof.multipliers_N)
    ]


def _vector(numbers: Iterable[float]) -> str:
    return f"({', '.join(f'{float(number):.6g}' for number in numbers)})"
