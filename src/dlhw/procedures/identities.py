"""Procedure `identities`: the deviation from each textbook identity in floating point."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from rich import box
from rich.console import Console
from rich.table import Table
from torch import Tensor

from dlhw.config.procedure import IdentitiesConfig, Wrong
from dlhw.config.root import TrainConfig
from dlhw.nn.activations import Sigmoid
from dlhw.nn.layer import Context, Layer, Params
from dlhw.nn.linear import Affine
from dlhw.nn.losses import BinaryCrossEntropy, CrossEntropy, Loss
from dlhw.procedures import formulas
from dlhw.procedures.findings import Findings
from dlhw.procedures.formulas import FEATURES
from dlhw.random import generator


class ScaledSoftmax(CrossEntropy):
    """A gradient that is too small by a billionth."""

    def backward(self, out_RNK: Tensor, targets: Tensor) -> Tensor:
        return super().backward(out_RNK, targets) * (1 - 1e-9)


class TemperedSoftmax(CrossEntropy):
    """On the simplex, but not the minimiser."""

    def backward(self, out_RNK: Tensor, targets: Tensor) -> Tensor:
        return super().backward(out_RNK * (1 + 1e-9), targets)


class SlopedBinary(BinaryCrossEntropy):
    """Multiplies by s (1 - s), as a squared error would."""

    def backward(self, out_RNK: Tensor, targets: Tensor) -> Tensor:
        s = torch.sigmoid(out_RNK)
        return super().backward(out_RNK, targets) * s * (1 - s)


class SquareSigmoid(Sigmoid):
    """ds/dx = s^2."""

    def backward(
        self, params: Params, dout: Tensor, s: Tensor, grads: Params, ctx: Context, *, need_dx: bool
    ) -> Tensor:
        return dout * s * s


class UntransposedAffine(Affine):
    """dx = dout W."""

    def backward(
        self, params: Params, dout_RNO: Tensor, x_RNI: Tensor, grads: Params, ctx: Context, *, need_dx: bool
    ) -> Tensor:
        return torch.bmm(dout_RNO, params["weight"])


WRONG: dict[Wrong, Layer | Loss] = {
    Wrong.scaled_softmax: ScaledSoftmax(),
    Wrong.tempered_softmax: TemperedSoftmax(),
    Wrong.sloped_binary: SlopedBinary(),
    Wrong.square_sigmoid: SquareSigmoid(),
    Wrong.untransposed_affine: UntransposedAffine(FEATURES, FEATURES),
}


# For numbers of order 1 to 30 after some dozen operations; the measured deviations are up to 6e-15.
ALLOWED = 1e-12


@dataclass(frozen=True)
class TextbookIdentity:
    """A formula, and how to measure the deviation from it.

    Args:
        formula: in plain text.
        deviation: (generator, samples[, tested]) -> largest deviation over random inputs and edge cases.
        tests: class of dlhw's layer or loss that it tests; None if it tests none.
    """

    formula: str
    deviation: Callable[..., float]
    tests: type[Layer | Loss] | None = None


# Sources: Georgia Tech CS 7643, homework 1; small_net_gradient: Stanford CS 229, winter 2025, problem set 2.
IDENTITIES: dict[str, TextbookIdentity] = {
    "softmax_jacobian": TextbookIdentity("ds/dz = diag(s) - s s^T", formulas.softmax_jacobian, CrossEntropy),
    "cross_entropy_gradient": TextbookIdentity(
        "d(-ln s_y)/dz = s - e_y", formulas.cross_entropy_gradient, CrossEntropy
    ),
    "level_set": TextbookIdentity(
        "grad f(c(t)) . c'(t) = 0 where f(c(t)) is constant", formulas.level_set, Affine
    ),
    "softmax_minimiser": TextbookIdentity(
        "softmax(x) = argmin of -x.y + sum y ln y over the simplex", formulas.softmax_minimiser, CrossEntropy
    ),
    "sigmoid_derivative": TextbookIdentity("ds/dx = s (1 - s)", formulas.sigmoid_derivative, Sigmoid),
    "binary_cross_entropy_gradient": TextbookIdentity(
        "dC/dw = -(y - yhat) x, yhat = sigmoid(w.x)",
        formulas.binary_cross_entropy_gradient,
        BinaryCrossEntropy,
    ),
    "small_net_gradient": TextbookIdentity(
        "dl/dw_12 = 2/m sum (o - y) o (1 - o) w_2 h_2 (1 - h_2) x_1", formulas.small_net_gradient, Sigmoid
    ),
    "convex_minimum": TextbookIdentity(
        "f(y) >= f(x) + grad f(x).(y - x), f convex",
        formulas.convex_minimum,
        CrossEntropy,
    ),
    "topological_order": TextbookIdentity(
        "topological order <=> no directed cycle", formulas.topological_order
    ),
}
# False statements, one of them from a report on that homework: each must deviate by more than `FAR`.
FALSE: dict[str, TextbookIdentity] = {
    "wrong_softmax_jacobian": TextbookIdentity(
        "ds_i/dz_j = -e^(z_i + z_j) / (sum e^z)^p for i != j, with p = 1 or 3 in the place of 2",
        formulas.wrong_softmax_jacobian,
    ),
    "stationary_minimum": TextbookIdentity(
        "grad f(x) = 0 => x is a minimum of f (it is not for f = -x^2 at 0)", formulas.stationary_minimum
    ),
}
# A deviation that rounding cannot explain.
FAR = 0.01


@dataclass(frozen=True)
class MeasuredIdentity:
    """An identity and its measured deviation."""

    name: str
    formula: str
    deviation: float

    @property
    def holds(self) -> bool:
        """Whether the deviation is within rounding; NaN is not."""
        return self.deviation <= ALLOWED


def measure(
    seed: int,
    samples: int,
    identities: Mapping[str, TextbookIdentity] = IDENTITIES,
    tested: Layer | Loss | None = None,
) -> list[MeasuredIdentity]:
    """Measure identities, each with its own random numbers.

    Args:
        seed: of the random numbers.
        samples: number of random inputs for each identity.
        identities: by name.
        tested: a layer or loss that replaces dlhw's own in the identities that test its class.
    """
    measured = []
    for index, (name, identity) in enumerate(identities.items()):
        replacement = (tested,) if identity.tests is not None and isinstance(tested, identity.tests) else ()
        deviation = identity.deviation(generator(seed, "samples", index), samples, *replacement)
        measured.append(MeasuredIdentity(name, identity.formula, deviation))
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
        {
            "identity": identity.name,
            "formula": identity.formula,
            "deviation": identity.deviation,
            "allowed": ALLOWED,
        }
        for identity in [*measured, *false]
    ]
    return Findings(
        values={
            "failed": sum(not identity.holds for identity in measured),
            "refuted": sum(identity.deviation > FAR for identity in false),
            **{identity.name: identity.deviation for identity in [*measured, *false]},
        },
        sentences=[
            f"{identity.formula}: {'holds' if identity.holds else 'DOES NOT HOLD'}, largest deviation "
            f"{identity.deviation:.1e}"
            for identity in measured
        ]
        + [f"Not true: {identity.formula}; largest deviation {identity.deviation:.1e}" for identity in false],
        tables={"identities": rows},
    )


PIPE_WIDTH = 130


def print_identities(measured: Sequence[MeasuredIdentity]) -> int:
    """Print a table with a row for each identity; return the exit status, 1 if one does not hold."""
    table = Table(box=box.SIMPLE_HEAD, title="identities, float64", title_justify="left")
    table.add_column("identity")
    table.add_column("formula")
    for heading in ("largest deviation", "allowed"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for identity in measured:
        verdict = "ok" if identity.holds else "[red bold]WRONG"
        table.add_row(identity.name, identity.formula, f"{identity.deviation:.1e}", f"{ALLOWED:.0e}", verdict)
    Console(markup=False, width=None if sys.stdout.isatty() else PIPE_WIDTH).print(table)
    failed = sum(not identity.holds for identity in measured)
    verdict = (
        f"{failed} of {len(measured)} identities are WRONG"
        if failed
        else f"all {len(measured)} identities hold"
    )
    print(f"{verdict} (allowed {ALLOWED:.0e})")
    return 1 if failed else 0
