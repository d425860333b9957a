"""Procedure `certificate`: two classes are separable, or provably not."""

from collections.abc import Iterable

import numpy as np
import torch

from dlhw.config.root import TrainConfig
from dlhw.data.dataset import load_dataset
from dlhw.errors import ConfigError, DataError
from dlhw.procedures.findings import Findings, Row
from dlhw.procedures.separation import Inseparable, Separable, separate

# A sentence holds no more coordinates or points than this; the table holds them all.
MAX_TOLD = 6


def certificate(config: TrainConfig) -> Findings:
    """Decide whether a linear threshold unit separates the two classes of the training part.

    Values: `separable` (1 or 0), `gap` (distance of the classes' convex hulls, as the largest difference of a
    coordinate; 0 where they meet) and `residual` (how far the proof is from exact). Table `unit` or
    `certificate` holds the proof: weights and bias, or the multipliers of the points whose convex
    combinations meet. See `dlhw.procedures.separation.separate` for the statement and its source.

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
    """Training points (n, d) and their labels, in float64, and the hash of the part."""
    dataset = load_dataset(config.data, config.data_seed(), torch.float64)
    if dataset.num_classes != 2:
        has = "numbers as targets" if dataset.num_classes is None else f"{dataset.num_classes} classes"
        raise ConfigError(
            f"procedure=certificate needs data of 2 classes, data={config.data.name} has {has}: choose two "
            "with data.classes=[a,b]"
        )
    part = dataset.parts["train"]
    if (part.targets == part.targets[0]).all():
        raise DataError(
            f"the training split holds class {int(part.targets[0])} only, so that there is nothing to "
            "separate: use more samples or less data.label_corruption"
        )
    return part.inputs.flatten(1).numpy(), part.targets.numpy(), dataset.hashes["train"]


def _unit_sentence(proof: Separable) -> str:
    with_ = ""
    if len(proof.weights_I) <= MAX_TOLD:
        with_ = f": w = {_vector(proof.weights_I)}, b = {proof.bias:.6g}"
    return f"a linear threshold unit separates the classes, w . x + b >= 1 and <= -1{with_}"


def _meeting_sentence(proof: Inseparable, x_NI: np.ndarray, labels_N: np.ndarray) -> str:
    told = "no linear threshold unit separates the classes, since their convex hulls meet"
    is_used = proof.multipliers_N > 0
    if x_NI.shape[1] > MAX_TOLD or is_used.sum() > MAX_TOLD:
        return told
    sums = [
        " + ".join(f"{proof.multipliers_N[n]:.6g} {_vector(x_NI[n])}" for n in np.flatnonzero(of_class))
        for of_class in (is_used & (labels_N == label) for label in (1, 0))
    ]
    return f"{told}: {_vector(proof.meeting_point_I)} = {sums[0]} = {sums[1]}"


def _unit_rows(proof: Separable) -> list[Row]:
    weights = [{"parameter": f"w{place}", "value": float(w)} for place, w in enumerate(proof.weights_I, 1)]
    return [*weights, {"parameter": "b", "value": proof.bias}]


def _meeting_rows(proof: Inseparable, x_NI: np.ndarray, labels_N: np.ndarray) -> list[Row]:
    """The points that count, with their multipliers."""
    return [
        {"sample": int(n), "class": int(labels_N[n]), "multiplier": float(proof.multipliers_N[n])}
        | {f"x{place}": float(x) for place, x in enumerate(x_NI[n], 1)}
        for n in np.flatnonzero(proof.multipliers_N)
    ]


def _vector(numbers: Iterable[float]) -> str:
    return f"({', '.join(f'{float(number):.6g}' for number in numbers)})"
