"""Procedure `identities`: each textbook identity, and how far it is from true in floating point."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Generator

from dlhw.config.procedure import IdentitiesConfig
from dlhw.config.root import TrainConfig
from dlhw.procedures import formulas
from dlhw.procedures.findings import Findings
from dlhw.random import generator

# Of numbers of order 1 to 30 after some dozen operations; measured are up to 6e-15.
ALLOWED = 1e-12


@dataclass(frozen=True)
class Identity:
    """What is claimed, and how to measure it.

    Args:
        formula: in plain text.
        deviation: (generator, samples) -> largest deviation over random inputs and edge cases.
    """

    formula: str
    deviation: Callable[[Generator, int], float]


# Source: Georgia Tech CS 7643, Deep Learning, homework 1.
IDENTITIES: dict[str, Identity] = {
    "softmax_jacobian": Identity("ds/dz = diag(s) - s s^T", formulas.softmax_jacobian),
    "cross_entropy_gradient": Identity("d(-ln s_y)/dz = s - e_y", formulas.cross_entropy_gradient),
    "level_set": Identity("grad f(c(t)) . c'(t) = 0 where f(c(t)) is constant", formulas.level_set),
    "softmax_minimiser": Identity(
        "softmax(x) = argmin of -x.y + sum y ln y over the simplex", formulas.softmax_minimiser
    ),
    "sigmoid_derivative": Identity("ds/dx = s (1 - s)", formulas.sigmoid_derivative),
    "binary_cross_entropy_gradient": Identity(
        "dC/dw = -(y - yhat) x, yhat = sigmoid(w.x)", formulas.binary_cross_entropy_gradient
    ),
}


@dataclass(frozen=True)
class Measured:
    """One identity, measured."""

    name: str
    formula: str
    deviation: float

    @property
    def holds(self) -> bool:
        """Whether the deviation is rounding; NaN is not."""
        return self.deviation <= ALLOWED


def measure(seed: int, samples: int) -> list[Measured]:
    """Measure every identity, each with random numbers of its own."""
    return [
        Measured(name, each.formula, each.deviation(generator(seed, "samples", place), samples))
        for place, (name, each) in enumerate(IDENTITIES.items())
    ]


def identities(config: TrainConfig) -> Findings:
    """Measure every identity over random inputs.

    Values: `failed` (identities that do not hold), and each identity's largest deviation under its name.
    """
    procedure = config.procedure
    assert isinstance(procedure, IdentitiesConfig)
    measured = measure(config.seed, procedure.samples)
    rows = [
        {"identity": each.name, "formula": each.formula, "deviation": each.deviation, "allowed": ALLOWED}
        for each in measured
    ]
    return Findings(
        values={
            "failed": sum(not each.holds for each in measured),
            **{each.name: each.deviation for each in measured},
        },
        sentences=[
            f"{each.formula}: {'holds' if each.holds else 'DOES NOT HOLD'}, largest deviation "
            f"{each.deviation:.1e}"
            for each in measured
        ],
        tables={"identities": rows},
    )
