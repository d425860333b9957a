"""Procedure `identities`: each textbook identity, and how far it is from true in floating point."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from dlhw.config.procedure import IdentitiesConfig
from dlhw.config.root import TrainConfig
from dlhw.nn.activations import Sigmoid
from dlhw.nn.affine import Affine
from dlhw.nn.layer import Layer
from dlhw.nn.losses import BinaryCrossEntropy, CrossEntropy, Loss
from dlhw.procedures import formulas
from dlhw.procedures.findings import Findings
from dlhw.procedures.wrong import WRONG
from dlhw.random import generator

# Of numbers of order 1 to 30 after some dozen operations; measured are up to 6e-15.
ALLOWED = 1e-12


@dataclass(frozen=True)
class Identity:
    """What is claimed, and how to measure it.

    Args:
        formula: in plain text.
        deviation: (generator, samples[, tested]) -> largest deviation over random inputs and edge cases.
        tests: class of the layer or loss of dlhw that it tests; None where it tests none.
    """

    formula: str
    deviation: Callable[..., float]
    tests: type[Layer | Loss] | None = None


# Sources: Georgia Tech CS 7643, homework 1; small_net_gradient: Stanford CS 229, winter 2025, problem set 2.
IDENTITIES: dict[str, Identity] = {
    "softmax_jacobian": Identity("ds/dz = diag(s) - s s^T", formulas.softmax_jacobian, CrossEntropy),
    "cross_entropy_gradient": Identity(
        "d(-ln s_y)/dz = s - e_y", formulas.cross_entropy_gradient, CrossEntropy
    ),
    "level_set": Identity("grad f(c(t)) . c'(t) = 0 where f(c(t)) is constant", formulas.level_set, Affine),
    "softmax_minimiser": Identity(
        "softmax(x) = argmin of -x.y + sum y ln y over the simplex", formulas.softmax_minimiser, CrossEntropy
    ),
    "sigmoid_derivative": Identity("ds/dx = s (1 - s)", formulas.sigmoid_derivative, Sigmoid),
    "binary_cross_entropy_gradient": Identity(
        "dC/dw = -(y - yhat) x, yhat = sigmoid(w.x)",
        formulas.binary_cross_entropy_gradient,
        BinaryCrossEntropy,
    ),
    "small_net_gradient": Identity(
        "dl/dw_12 = 2/m sum (o - y) o (1 - o) w_2 h_2 (1 - h_2) x_1", formulas.small_net_gradient, Sigmoid
    ),
    "convex_minimum": Identity(
        "f(y) >= f(x) + grad f(x).(y - x), f convex",
        formulas.convex_minimum,
        CrossEntropy,
    ),
    "topological_order": Identity("topological order <=> no directed cycle", formulas.topological_order),
}
# Statements that are not true, one of them printed in a report of that homework: each must fail by far.
FALSE: dict[str, Identity] = {
    "wrong_softmax_jacobian": Identity(
        "ds_i/dz_j = -e^(z_i + z_j) / (sum e^z)^p for i != j, with p = 1 or 3 in the place of 2",
        formulas.wrong_softmax_jacobian,
    ),
    "stationary_minimum": Identity(
        "grad f(x) = 0 => x is a minimum of f (it is not for f = -x^2 at 0)", formulas.stationary_minimum
    ),
}
# A deviation that no rounding explains.
FAR = 0.01


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


def measure(
    seed: int,
    samples: int,
    identities: Mapping[str, Identity] = IDENTITIES,
    tested: Layer | Loss | None = None,
) -> list[Measured]:
    """Measure identities, each with random numbers of its own.

    Args:
        seed: of the random numbers.
        samples: random inputs of each identity.
        identities: by name.
        tested: a layer or loss in the place of dlhw's own in the identities that test one of its class.
    """
    measured = []
    for place, (name, identity) in enumerate(identities.items()):
        given = (tested,) if identity.tests is not None and isinstance(tested, identity.tests) else ()
        deviation = identity.deviation(generator(seed, "samples", place), samples, *given)
        measured.append(Measured(name, identity.formula, deviation))
    return measured


def identities(config: TrainConfig) -> Findings:
    """Measure every identity over random inputs.

    Values: `failed` (identities that do not hold), `refuted` (false statements that fail by far), and the
    largest deviation from each identity and each false statement under its name.
    """
    procedure = config.procedure
    assert isinstance(procedure, IdentitiesConfig)
    tested = None if procedure.wrong is None else WRONG[procedure.wrong]
    measured = measure(config.seed, procedure.samples, tested=tested)
    false = measure(config.seed, procedure.samples, FALSE)
    rows = [
        {"identity": each.name, "formula": each.formula, "deviation": each.deviation, "allowed": ALLOWED}
        for each in [*measured, *false]
    ]
    return Findings(
        values={
            "failed": sum(not each.holds for each in measured),
            "refuted": sum(each.deviation > FAR for each in false),
            **{each.name: each.deviation for each in [*measured, *false]},
        },
        sentences=[
            f"{each.formula}: {'holds' if each.holds else 'DOES NOT HOLD'}, largest deviation "
            f"{each.deviation:.1e}"
            for each in measured
        ]
        + [f"Not true: {each.formula}; largest deviation {each.deviation:.1e}" for each in false],
        tables={"identities": rows},
    )
