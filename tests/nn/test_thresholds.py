"""Threshold units: their values, also at 0, and that no gradient passes."""

import pytest
import torch
from layer_cases import Case, context
from torch import Generator

from dlhw.nn.activations import Sign, Step, Threshold
from dlhw.nn.containers import Sequential
from dlhw.nn.gradcheck import check_layers
from dlhw.nn.linear import Affine

UNITS = pytest.mark.parametrize(("unit", "low"), [(Step(), 0), (Sign(), -1)], ids=["step", "sign"])
VALUES = [-torch.inf, -7.0, -1.0, -0.5, -5e-324, -0.0, 0.0, 5e-324, 0.5, 1.0, 7.0, torch.inf]


@pytest.mark.parametrize(("way", "reuse"), [("manual", False), ("manual", True), ("autograd", False)])
@UNITS
def test_a_unit_answers_low_below_zero_and_one_from_zero_on(
    unit: Threshold, low: int, way: str, reuse: bool
) -> None:
    x = torch.tensor([[VALUES]], dtype=torch.float64)
    passed = Case(unit, {}, x, torch.full_like(x, 3)).pass_through(context(reuse=reuse), way=way)
    assert passed["out"].flatten().tolist() == [low] * 5 + [1] * 7
    assert not passed["input"].any()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@UNITS
def test_the_answer_is_that_of_a_comparison(unit: Threshold, low: int, dtype: torch.dtype) -> None:
    x = torch.randn(3, 50, 4, generator=Generator().manual_seed(0), dtype=dtype) * 1e-30
    out, _ = unit.forward({}, x, context())
    assert torch.equal(out, torch.where(x < 0, low, 1).to(dtype))


@UNITS
def test_nan_stays_nan(unit: Threshold, low: int) -> None:
    out, _ = unit.forward({}, torch.tensor([[[torch.nan, 1.0]]]), context())
    assert out.isnan().tolist() == [[[True, False]]]


@UNITS
def test_layers_before_a_unit_have_gradient_zero_and_layers_after_it_have_not(
    unit: Threshold, low: int
) -> None:
    model = Sequential({"fc1": Affine(4, 5), "unit": unit, "fc2": Affine(5, 3)}, (4,))
    x_1N = torch.randn(1, 6, 4, generator=Generator().manual_seed(0), dtype=torch.float64)
    checks = check_layers(model, x_1N, num_runs=2, probes=20, generator=Generator().manual_seed(0))
    assert [check for check in checks if not check.passes(1e-9, 1e-6)] == []
    assert {check.name for check in checks if check.scale == 0} == {"input", "fc1.weight", "fc1.bias"}


@UNITS
def test_a_model_says_that_it_has_such_units(unit: Threshold, low: int) -> None:
    assert Sequential({"fc": Affine(4, 5), "unit": unit}, (4,)).has_thresholds
    assert not Sequential({"fc": Affine(4, 5)}, (4,)).has_thresholds
