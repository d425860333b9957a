"""Each identity holds, and a wrong layer, loss or formula would be found."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize  # type: ignore[import-untyped]
from torch import Tensor

from dlhw.errors import ConfigError
from dlhw.gradcheck import gradcheck
from dlhw.nn.activations import Sigmoid
from dlhw.nn.affine import Affine
from dlhw.nn.context import Context
from dlhw.nn.layer import Params
from dlhw.nn.losses import BinaryCrossEntropy, CrossEntropy
from dlhw.procedures import formulas
from dlhw.procedures.identities import ALLOWED, IDENTITIES, Identity, Measured, measure
from dlhw.procedures.identity_table import print_identities


def stream(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", IDENTITIES)
def test_identity(name: str, seed: int) -> None:
    identity = IDENTITIES[name]
    deviation = identity.deviation(stream(seed), 2000)
    assert deviation <= ALLOWED, f"{identity.formula}, seed {seed}"


class ScaledSoftmax(CrossEntropy):
    """A little too small."""

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


def test_a_wrong_implementation_is_found() -> None:
    found = {
        "softmax_jacobian": formulas.softmax_jacobian(stream(), 50, ScaledSoftmax()),
        "cross_entropy_gradient": formulas.cross_entropy_gradient(stream(), 50, ScaledSoftmax()),
        "level_set": formulas.level_set(stream(), 50, UntransposedAffine(4, 4)),
        "softmax_minimiser": formulas.softmax_minimiser(stream(), 50, TemperedSoftmax()),
        "sigmoid_derivative": formulas.sigmoid_derivative(stream(), 50, SquareSigmoid()),
        "binary_cross_entropy_gradient": formulas.binary_cross_entropy_gradient(stream(), 50, SlopedBinary()),
    }
    assert set(found) == set(IDENTITIES)
    assert {name for name, deviation in found.items() if deviation <= 100 * ALLOWED} == set()


@pytest.mark.parametrize("seed", range(5))
def test_a_numerical_optimiser_finds_the_softmax(seed: int) -> None:
    """Minimise -x.y + sum y ln y over the simplex with a solver that knows nothing of softmax."""
    x_K = 2 * torch.randn(5, generator=stream(seed), dtype=torch.float64)

    def free_energy(y: np.ndarray) -> float:
        return float(-x_K.numpy() @ y + (y * np.log(y)).sum())

    found = minimize(
        free_energy, np.full(5, 0.2), method="SLSQP", bounds=[(1e-9, 1)] * 5, options={"ftol": 1e-14},
        constraints=[{"type": "eq", "fun": lambda y: y.sum() - 1}],
    )  # fmt: skip
    assert found.success
    assert found.x == pytest.approx(torch.softmax(x_K, 0).numpy(), abs=1e-5)


def test_identities_draw_numbers_of_their_own() -> None:
    assert measure(0, 20) == measure(0, 20)
    assert measure(0, 20) != measure(1, 20)


@pytest.mark.parametrize("deviation", [1e-3, float("nan")])
def test_a_deviation_fails_the_table(deviation: float, capsys: pytest.CaptureFixture[str]) -> None:
    assert print_identities([Measured("one", "1 = 1", 0.0), Measured("two", "1 = 2", deviation)]) == 1
    printed = capsys.readouterr().out
    assert "1 of 2 identities are WRONG" in printed
    assert "1 = 2" in printed


def test_the_command_prints_every_identity(capsys: pytest.CaptureFixture[str]) -> None:
    assert gradcheck(["--identities"]) == 0
    printed = capsys.readouterr().out
    for name, identity in IDENTITIES.items():
        assert isinstance(identity, Identity)
        assert name in printed
        assert identity.formula in printed
    assert f"all {len(IDENTITIES)} identities hold (allowed 1e-12)" in printed


@pytest.mark.parametrize("more", ["--all", "model=mlp"])
def test_identities_take_nothing_beside(more: str) -> None:
    with pytest.raises(
        ConfigError, match="--identities checks formulas, and takes neither --all nor overrides"
    ):
        gradcheck(["--identities", more])
