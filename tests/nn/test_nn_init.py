"""Initial weights and biases: the distribution that each scheme promises, from each run's own generator."""

from collections.abc import Callable
from math import sqrt

import pytest
import torch
from torch import Tensor, nn

from dlhw.config.model import InitConfig, InitScheme
from dlhw.nn.conv import Conv2d
from dlhw.nn.init import initialise
from dlhw.nn.layer import Layer
from dlhw.nn.linear import Affine, GivenAffine
from dlhw.nn.parameters import ParameterLayout
from dlhw.random import generator

# weights enough for tight statistics: 40 000 and 36 000
LAYERS: dict[str, tuple[Layer, int, int]] = {
    "affine": (Affine(200, 200), 200, 200),
    "conv2d": (Conv2d(40, 100, 3), 40 * 9, 100 * 9),
}
every_scheme = pytest.mark.parametrize("scheme", InitScheme)
every_layer = pytest.mark.parametrize("name", LAYERS)


def draw(layer: Layer, *configs: InitConfig, seeds: tuple[int, ...] = (0,)) -> dict[str, Tensor]:
    """Weight and bias (R, …) of the runs."""
    layout = ParameterLayout({"layer": layer.specs()})
    generators = [generator(seed, "init") for seed in seeds]
    return layout.views(
        initialise(layout, configs * (len(seeds) // len(configs)), generators, torch.float64)
    )["layer"]


STD = {
    InitScheme.normal: lambda fan_in, fan_out: 0.01,
    InitScheme.xavier_uniform: lambda fan_in, fan_out: sqrt(2 / (fan_in + fan_out)),
    InitScheme.xavier_normal: lambda fan_in, fan_out: sqrt(2 / (fan_in + fan_out)),
    InitScheme.kaiming_uniform: lambda fan_in, fan_out: sqrt(1 / fan_in),
    InitScheme.kaiming_normal: lambda fan_in, fan_out: sqrt(1 / fan_in),
    InitScheme.torch: lambda fan_in, fan_out: sqrt(1 / (3 * fan_in)),
}
UNIFORM = [InitScheme.xavier_uniform, InitScheme.kaiming_uniform, InitScheme.torch]
SCALED = [scheme for scheme in InitScheme if scheme.startswith(("xavier", "kaiming"))]


@pytest.mark.parametrize("scheme", STD)
@every_layer
def test_random_weights_have_the_promised_mean_and_deviation(name: str, scheme: InitScheme) -> None:
    layer, fan_in, fan_out = LAYERS[name]
    weight, std = draw(layer, InitConfig(scheme=scheme))["weight"], STD[scheme](fan_in, fan_out)
    # five times the deviation of the mean, and of the deviation, of n normal draws
    assert abs(weight.mean()) < 5 * std / sqrt(weight.numel())
    assert weight.std() == pytest.approx(std, rel=5 / sqrt(2 * weight.numel()))


@pytest.mark.parametrize("scheme", UNIFORM)
@every_layer
def test_uniform_weights_fill_their_interval_and_stay_inside(name: str, scheme: InitScheme) -> None:
    layer, fan_in, fan_out = LAYERS[name]
    weight, bound = draw(layer, InitConfig(scheme=scheme))["weight"], sqrt(3) * STD[scheme](fan_in, fan_out)
    assert weight.abs().max() <= bound
    assert weight.max() > 0.999 * bound
    assert weight.min() < -0.999 * bound


@pytest.mark.parametrize("scheme", [scheme for scheme in STD if scheme not in UNIFORM])
def test_normal_weights_have_tails(scheme: InitScheme) -> None:
    weight = draw(LAYERS["affine"][0], InitConfig(scheme=scheme))["weight"]
    assert weight.abs().max() > 3 * weight.std()


@pytest.mark.parametrize("scheme", SCALED)
def test_gain_multiplies_the_weights(scheme: InitScheme) -> None:
    plain, scaled = (draw(Affine(5, 4), InitConfig(scheme=scheme, gain=gain)) for gain in (None, 1.5))
    torch.testing.assert_close(scaled["weight"], 1.5 * plain["weight"])


def test_normal_takes_mean_and_std() -> None:
    weight = draw(LAYERS["affine"][0], InitConfig(scheme=InitScheme.normal, mean=3.0, std=0.5))["weight"]
    assert weight.mean() == pytest.approx(3, abs=5 * 0.5 / sqrt(weight.numel()))
    assert weight.std() == pytest.approx(0.5, rel=5 / sqrt(2 * weight.numel()))


def test_zeros_and_constants_are_exact() -> None:
    zeros, default, constant = (
        draw(Affine(3, 2), config)
        for config in (
            InitConfig(scheme=InitScheme.zeros),
            InitConfig(scheme=InitScheme.constant),
            InitConfig(scheme=InitScheme.constant, value=0.25, bias=0.25),
        )
    )
    assert not zeros["weight"].any()
    assert not default["weight"].any()
    # one shared number for every weight and bias
    assert {*constant["weight"].unique().tolist(), *constant["bias"].unique().tolist()} == {0.25}


@every_scheme
def test_biases_are_zero_unless_the_scheme_draws_them(scheme: InitScheme) -> None:
    bias = draw(Affine(9, 4), InitConfig(scheme=scheme))["bias"]
    assert bias.count_nonzero() == (4 if scheme in (InitScheme.torch, InitScheme.uniform) else 0)


@pytest.mark.parametrize("value", [0.0, -0.5])
@every_scheme
def test_an_explicit_bias_holds_for_every_scheme(scheme: InitScheme, value: float) -> None:
    assert draw(Affine(9, 4), InitConfig(scheme=scheme, bias=value))["bias"].unique().tolist() == [value]


@pytest.mark.parametrize("parameter", ["weight", "bias"])
@pytest.mark.parametrize(
    ("layer", "module"),
    [
        pytest.param(Affine(9, 4000), lambda: nn.Linear(9, 4000), id="linear"),
        pytest.param(Conv2d(2, 4000, 3), lambda: nn.Conv2d(2, 4000, 3), id="conv2d"),
    ],
)
def test_the_scheme_torch_has_the_bounds_of_torch(
    layer: Layer, module: Callable[[], nn.Module], parameter: str
) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        expected = module().get_parameter(parameter).detach()
    drawn = draw(layer, InitConfig(scheme=InitScheme.torch))[parameter]
    # of 4000 uniform draws the largest is below 0.995 of the bound with probability 2e-9
    assert float(drawn.abs().max()) == pytest.approx(float(expected.abs().max()), rel=5e-3)


@every_scheme
def test_the_same_seed_gives_the_same_numbers(scheme: InitScheme) -> None:
    both = draw(Affine(5, 4), InitConfig(scheme=scheme), seeds=(3, 3))
    again = draw(Affine(5, 4), InitConfig(scheme=scheme), seeds=(3,))
    assert torch.equal(both["weight"][0], both["weight"][1])
    assert torch.equal(both["weight"][:1], again["weight"])


@pytest.mark.parametrize("scheme", STD)
def test_another_seed_gives_other_numbers(scheme: InitScheme) -> None:
    weight = draw(Affine(5, 4), InitConfig(scheme=scheme), seeds=(0, 1))["weight"]
    assert not torch.isclose(weight[0], weight[1]).any()


@pytest.mark.parametrize("run", [0, 1, 2])
def test_a_run_of_a_cohort_draws_what_it_draws_alone(run: int) -> None:
    configs = [InitConfig(scheme=InitScheme.normal, std=std, bias=std) for std in (0.1, 1.0, 10.0)]
    layout = ParameterLayout({"fc1": Affine(5, 4).specs(), "fc2": Affine(4, 3).specs()})
    together, alone = (
        initialise(
            layout, configs[part], [generator(seed, "init") for seed in [7, 8, 9][part]], torch.float64
        )
        for part in (slice(None), slice(run, run + 1))
    )
    assert torch.equal(together[run : run + 1], alone)


@every_scheme
def test_layers_of_one_model_draw_one_after_the_other(scheme: InitScheme) -> None:
    layout = ParameterLayout({"fc1": Affine(4, 4).specs(), "fc2": Affine(4, 4).specs()})
    flat_RP = initialise(layout, [InitConfig(scheme=scheme)], [generator(0, "init")], torch.float32)
    first, second = (layout.views(flat_RP)[name]["weight"] for name in ("fc1", "fc2"))
    assert flat_RP.dtype == torch.float32
    assert torch.equal(first, second) == (scheme in (InitScheme.zeros, InitScheme.constant))


@every_scheme
def test_given_numbers_stand_in_place_of_the_scheme(scheme: InitScheme) -> None:
    weight_RIO, bias_RO = torch.arange(12.0).view(2, 3, 2), torch.tensor([[7.0, 8.0]])
    drawn = draw(GivenAffine(weight_RIO, bias_RO), InitConfig(scheme=scheme), seeds=(0, 1))
    assert drawn["weight"].tolist() == weight_RIO.tolist()
    assert drawn["bias"].tolist() == [[7, 8], [7, 8]]


def test_given_numbers_leave_the_draws_of_other_layers_as_they_are() -> None:
    given = GivenAffine(torch.ones(1, 3, 2), torch.ones(1, 2))
    layout = ParameterLayout({"given": given.specs(), "fc": Affine(5, 4).specs()})
    flat_RP = initialise(layout, [InitConfig()], [generator(0, "init")], torch.float64)
    assert torch.equal(layout.views(flat_RP)["fc"]["weight"], draw(Affine(5, 4), InitConfig())["weight"])
