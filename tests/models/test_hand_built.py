"""Networks of given numbers: gates, the triangle net and the interval net, over all their inputs."""

from collections.abc import Callable, Sequence
from itertools import product

import pytest
import torch
from torch import Generator, Tensor

from dlhw.config.loss import LossName
from dlhw.config.model import GivenLayerConfig, HandBuiltConfig, IntervalNetConfig, IntervalUnits, ModelConfig
from dlhw.config.model_base import Activation, InitConfig, InitScheme
from dlhw.errors import ConfigError
from dlhw.models.build import build_model
from dlhw.nn.init import initialise
from dlhw.nn.layer import Context
from dlhw.nn.losses import LOSSES
from dlhw.nn.parameters import ParameterLayout
from dlhw.random import generator

BITS = torch.tensor(list(product([0, 1], repeat=2)), dtype=torch.float64)
each_unit = pytest.mark.parametrize("units", IntervalUnits)


def outputs(configs: Sequence[ModelConfig], x_NI: Tensor, dtype: torch.dtype = torch.float64) -> Tensor:
    """What a cohort answers at its start, (R, N)."""
    model = build_model(configs, tuple(x_NI.shape[1:]), 1)
    layout = ParameterLayout(model.specs())
    generators = [generator(0, "init") for _ in configs]
    flat_RP = initialise(layout, [config.init for config in configs], generators, dtype)
    out_RN1, _ = model.forward(layout.views(flat_RP), x_NI.to(dtype).unsqueeze(0), Context())
    return out_RN1.squeeze(2)


def gate(weight: list[float], bias: float) -> HandBuiltConfig:
    layer = GivenLayerConfig(weight=[weight], bias=[bias], activation=Activation.step)
    return HandBuiltConfig(layers=[layer])


GATES: dict[str, tuple[HandBuiltConfig, list[int]]] = {
    "and": (gate([1, 1], -1.5), [0, 0, 0, 1]),
    "or": (gate([1, 1], -0.5), [0, 1, 1, 1]),
    "nand": (gate([-1, -1], 1.5), [1, 1, 1, 0]),
    "nor": (gate([-1, -1], 0.5), [1, 0, 0, 0]),
    "or-that-is-decided-at-0": (gate([1, 1], -1), [0, 1, 1, 1]),
    "xor": (HandBuiltConfig(), [0, 1, 1, 0]),
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("name", GATES)
def test_gates_have_their_truth_tables(name: str, dtype: torch.dtype) -> None:
    config, truth = GATES[name]
    assert outputs([config], BITS, dtype).tolist() == [truth]


@pytest.mark.parametrize("loss", [LossName.binary_cross_entropy, LossName.binary_squared_error])
@pytest.mark.parametrize("name", GATES)
def test_predicted_classes_of_gates_are_their_outputs(name: str, loss: LossName) -> None:
    config, truth = GATES[name]
    predicted = LOSSES[loss].predict(outputs([config], BITS).unsqueeze(2))
    assert predicted is not None
    assert predicted.tolist() == [truth]


def test_weights_are_rows_of_units_and_are_not_drawn() -> None:
    """W x + b with W of 2 units by 3 inputs."""
    layers = [
        GivenLayerConfig(weight=[[1, 2, 3], [0, -1, 0]], bias=[10, 0.5]),
        GivenLayerConfig(weight=[[1, 100]], bias=[0]),
    ]
    assert outputs([HandBuiltConfig(layers=layers)], torch.tensor([[1.0, 10, 100]])).tolist() == [
        [1 + 20 + 300 + 10 + 100 * (0.5 - 10)]
    ]


def test_a_step_net_knows_a_triangle() -> None:
    """Weights of {-1, -1/2, 0, 1, 3, 4}: class 0 inside x1 > 1/2, x2 > 1/2, x1 + x2 < 4."""
    hidden = GivenLayerConfig(
        weight=[[1, 0], [0, 1], [-1, -1]], bias=[-0.5, -0.5, 4], activation=Activation.step
    )
    output = GivenLayerConfig(weight=[[-1, -1, -1]], bias=[3 - 0.5], activation=Activation.step)
    x_N2 = torch.rand(500, 2, generator=Generator().manual_seed(0), dtype=torch.float64) * 5
    inside = (x_N2[:, 0] > 0.5) & (x_N2[:, 1] > 0.5) & (x_N2.sum(1) < 4)
    assert 0.1 < inside.double().mean() < 0.9
    assert torch.equal(outputs([HandBuiltConfig(layers=[hidden, output])], x_N2)[0], (~inside).double())


def all_signs(dim: int) -> Tensor:
    return torch.tensor(list(product([-1, 1], repeat=dim)), dtype=torch.float64)


def intervals(dim: int, units: IntervalUnits) -> list[IntervalNetConfig]:
    """All -D <= A <= B <= D."""
    return [
        IntervalNetConfig(units=units, low=low, high=high)
        for low in range(-dim, dim + 1)
        for high in range(low, dim + 1)
    ]


def truth(configs: Sequence[IntervalNetConfig], x_ND: Tensor) -> Tensor:
    sums_N = x_ND.sum(1)
    return torch.stack(
        [torch.where((c.low <= sums_N) & (sums_N <= c.high), 1.0, -1.0) for c in configs]
    ).double()


@pytest.mark.parametrize("dim", [1, 2, 5, 10])
@each_unit
def test_interval_nets_of_one_cohort_are_exact_for_all_inputs_and_bounds(
    units: IntervalUnits, dim: int
) -> None:
    configs, x_ND = intervals(dim, units), all_signs(dim)
    assert torch.equal(outputs(configs, x_ND), truth(configs, x_ND))


@each_unit
def test_an_interval_net_bears_errors_of_the_sum_below_one_half(units: IntervalUnits) -> None:
    configs, x_ND = intervals(4, units), all_signs(4)
    for error in (-0.499, -0.3, 0.3, 0.499):
        assert torch.equal(outputs(configs, x_ND + error / 4), truth(configs, x_ND))


@each_unit
def test_predicted_class_is_1_inside_and_0_outside(units: IntervalUnits) -> None:
    config, x_ND = IntervalNetConfig(units=units, low=-1, high=2), all_signs(5)
    sums = x_ND.sum(1)
    for loss in (LossName.binary_cross_entropy, LossName.binary_squared_error):
        predicted = LOSSES[loss].predict(outputs([config], x_ND).unsqueeze(2))
        assert predicted is not None
        assert predicted.tolist() == [((-1 <= sums) & (sums <= 2)).long().tolist()]


def test_the_numbers_are_those_of_the_formulas() -> None:
    """A = -1, B = 3, D = 2, as units by inputs."""
    expected = {
        IntervalUnits.sign: ([[1, 1], [-1, -1]], [1.5, 3.5], [[1, 1]], [-1]),
        IntervalUnits.relu: ([[-1, -1], [1, 1]], [-1.5, -3.5], [[-1, -1]], [0]),
    }
    for units, numbers in expected.items():
        config = IntervalNetConfig(units=units, low=-1, high=3)
        layout = ParameterLayout(build_model([config], (2,), 1).specs())
        start = initialise(layout, [config.init], [generator(0, "init")], torch.float32)
        params = layout.of_run(start, 0)
        tensors = [params[name].T if name.endswith("weight") else params[name] for name in params]
        assert tuple(tensor.tolist() for tensor in tensors) == numbers


REFUSED: list[tuple[Callable[[], object], str]] = [
    (
        lambda: build_model([HandBuiltConfig()], (1, 8, 8), 1),
        r"^model\.layers\[0\]\.weight has rows of 2 numbers, the data has 64 inputs$",
    ),
    (
        lambda: build_model([HandBuiltConfig()], (2,), 10),
        r"^model\.layers\[1\]\.weight has 1 rows, this data and loss need 10 outputs$",
    ),
    (
        lambda: build_model([IntervalNetConfig()], (4,), 2),
        r"^model=interval_net has 1 output, this data and loss need 2$",
    ),
]


@pytest.mark.parametrize(("build", "message"), REFUSED)
def test_data_that_does_not_fit_is_refused_in_one_sentence(build: Callable[[], object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build()


def row(*weight: float, bias: list[float] | None = None) -> GivenLayerConfig:
    return GivenLayerConfig(weight=[list(weight)], bias=[0.0] if bias is None else bias)


PROBLEMS: list[tuple[ModelConfig, str]] = [
    (HandBuiltConfig(layers=[]), "model.layers must hold at least one layer, got []"),
    (
        HandBuiltConfig(layers=[GivenLayerConfig(weight=[[1, 2], [3]], bias=[0, 0])]),
        "model.layers[0].weight must hold rows of equal length, one for each unit, got [[1, 2], [3]]",
    ),
    (
        HandBuiltConfig(layers=[GivenLayerConfig(weight=[["a"]], bias=[0])]),
        "model.layers[0].weight must hold rows of equal length, one for each unit, got [['a']]",
    ),
    (
        HandBuiltConfig(layers=[row(1, 2), row(1, 2)]),
        "model.layers[1].weight must hold rows of 1 numbers, one for each unit before, got [[1, 2]]",
    ),
    (
        HandBuiltConfig(layers=[row(1, bias=[])]),
        "model.layers[0].bias must hold 1 numbers, one for each unit, got []",
    ),
    (
        HandBuiltConfig(init=InitConfig(scheme=InitScheme.zeros)),
        "model.init is not read by model=hand_built, whose weights are given: leave it out",
    ),
    (IntervalNetConfig(low=2, high=1), "model.low must be <= model.high=1, got 2"),
]


@pytest.mark.parametrize(("config", "sentence"), PROBLEMS, ids=[sentence for _, sentence in PROBLEMS])
def test_invalid_numbers_are_refused_in_one_sentence(config: ModelConfig, sentence: str) -> None:
    assert list(config.problems()) == [sentence]


def test_what_is_given_by_default_is_sound() -> None:
    assert [*HandBuiltConfig().problems(), *IntervalNetConfig().problems()] == []
