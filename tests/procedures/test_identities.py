"""Each identity holds, and a wrong layer, loss or formula would be found."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize  # type: ignore[import-untyped]

from dlhw.commands.gradcheck import gradcheck
from dlhw.config.model_graph import in_order
from dlhw.config.procedure import Wrong
from dlhw.errors import ConfigError
from dlhw.procedures import formulas
from dlhw.procedures.identities import (
    ALLOWED,
    FALSE,
    FAR,
    IDENTITIES,
    WRONG,
    MeasuredIdentity,
    TextbookIdentity,
    measure,
    print_identities,
)


def stream(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", IDENTITIES)
def test_identity(name: str, seed: int) -> None:
    identity = IDENTITIES[name]
    deviation = identity.deviation(stream(seed), 2000)
    assert deviation <= ALLOWED, f"{identity.formula}, seed {seed}"


@pytest.mark.parametrize("wrong", Wrong)
def test_a_wrong_implementation_fails_each_identity_that_tests_it(wrong: Wrong) -> None:
    tested = WRONG[wrong]
    failed = {m.name for m in measure(0, 50, tested=tested) if not m.deviation <= 100 * ALLOWED}
    of_its_class = {
        name for name, identity in IDENTITIES.items() if identity.tests and isinstance(tested, identity.tests)
    }
    assert failed
    assert failed <= of_its_class


def test_every_identity_detects_a_wrong_implementation() -> None:
    failed = {m.name for wrong in WRONG.values() for m in measure(0, 50, tested=wrong) if not m.holds}
    assert failed == set(IDENTITIES) - {"topological_order"}
    backwards = formulas.topological_order(stream(), 50, lambda inputs: in_order(inputs)[::-1])
    assert backwards > 0.05
    unchecked = formulas.topological_order(stream(), 50, list)
    assert unchecked > 0.05


@pytest.mark.parametrize("name", FALSE)
def test_a_false_statement_fails_by_far(name: str) -> None:
    assert FALSE[name].deviation(stream(), 100) > FAR


@pytest.mark.parametrize("seed", range(5))
def test_a_numerical_optimiser_finds_the_softmax(seed: int) -> None:
    """Minimise -x.y + sum y ln y over the simplex with a solver that knows nothing of softmax."""
    x_K = 2 * torch.randn(5, generator=stream(seed), dtype=torch.float64)

    def free_energy(y: np.ndarray) -> float:
        return float(-x_K.numpy() @ y + (y * np.log(y)).sum())

    result = minimize(
        free_energy, np.full(5, 0.2), method="SLSQP", bounds=[(1e-9, 1)] * 5, options={"ftol": 1e-14},
        constraints=[{"type": "eq", "fun": lambda y: y.sum() - 1}],
    )  # fmt: skip
    assert result.success
    assert result.x == pytest.approx(torch.softmax(x_K, 0).numpy(), abs=1e-5)


def test_identities_draw_numbers_of_their_own() -> None:
    assert measure(0, 20) == measure(0, 20)
    assert measure(0, 20) != measure(1, 20)


@pytest.mark.parametrize("deviation", [1e-3, float("nan")])
def test_a_deviation_fails_the_table(deviation: float, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        print_identities([MeasuredIdentity("one", "1 = 1", 0.0), MeasuredIdentity("two", "1 = 2", deviation)])
        == 1
    )
    printed = capsys.readouterr().out
    assert "1 of 2 identities are WRONG" in printed
    assert "1 = 2" in printed


def test_the_command_prints_every_identity(capsys: pytest.CaptureFixture[str]) -> None:
    assert gradcheck(["--identities"]) == 0
    printed = capsys.readouterr().out
    for name, identity in IDENTITIES.items():
        assert isinstance(identity, TextbookIdentity)
        assert name in printed
        assert identity.formula in printed
    assert f"all {len(IDENTITIES)} identities hold (allowed 1e-12)" in printed


@pytest.mark.parametrize("more", ["--all", "model=mlp"])
def test_identities_take_nothing_beside(more: str) -> None:
    with pytest.raises(
        ConfigError, match="--identities checks formulas, and takes neither --all nor overrides"
    ):
        gradcheck(["--identities", more])
