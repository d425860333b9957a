"""Models: their sizes, their layers, and what they refuse."""

from math import prod

import pytest
import torch

from dlhw.config.model import (
    Activation,
    CNNConfig,
    HandBuiltConfig,
    IntervalNetConfig,
    LinearConfig,
    LogisticConfig,
    MLPConfig,
    ModelConfig,
    PerceptronConfig,
    Pooling,
    QuadraticConfig,
    SoftmaxConfig,
)
from dlhw.config.model_graph import DagConfig
from dlhw.config.registry import import_builder
from dlhw.errors import ConfigError
from dlhw.models.build import build_model
from dlhw.nn.containers import Network
from dlhw.nn.dropout import Dropout
from dlhw.nn.layer import Context
from dlhw.nn.parameters import ParameterLayout

IMAGE = (1, 8, 8)
AFFINE_MODELS = [SoftmaxConfig, LogisticConfig, PerceptronConfig, LinearConfig]
# What the numbers of the config settle; see test_given.py.
GIVEN = (HandBuiltConfig, IntervalNetConfig)
EVERYTHING: dict[str, ModelConfig] = {
    **{name: schema() for name, schema in ModelConfig.options.items() if schema not in GIVEN},
    "mlp-deep": MLPConfig(hidden=[6, 5, 4], activation=Activation.tanh, dropout=0.5),
    "mlp-linear": MLPConfig(hidden=[]),
    "cnn-deep": CNNConfig(filters=[3, 4], pooling=Pooling.max, dropout=0.5),
    "cnn-avg": CNNConfig(filters=[3], kernel=2, stride=2, padding=1, pooling=Pooling.avg),
}


def num_parameters(model: Network) -> int:
    return ParameterLayout(model.specs()).num_parameters


@pytest.mark.parametrize("num_outputs", [1, 10])
@pytest.mark.parametrize("name", EVERYTHING)
def test_outputs_have_the_promised_shape(name: str, num_outputs: int) -> None:
    model = build_model([EVERYTHING[name]] * 2, IMAGE, num_outputs)
    layout = ParameterLayout(model.specs())
    flat_RP = layout.zeros(2, torch.float32, torch.device("cpu"))
    out, _ = model.forward(layout.views(flat_RP), torch.zeros(1, 5, *IMAGE), Context())
    assert model.output_shape == (num_outputs,)
    assert out.shape == (2, 5, num_outputs)


@pytest.mark.parametrize(("d", "m", "k"), [(1, 1, 1), (64, 16, 10), (784, 128, 10), (7, 3, 1)])
def test_size_of_an_mlp(d: int, m: int, k: int) -> None:
    assert num_parameters(build_model([MLPConfig(hidden=[m])], (d,), k)) == m * (d + 1) + k * (m + 1)


def test_size_of_a_deep_mlp() -> None:
    model = build_model([MLPConfig(hidden=[20, 10])], IMAGE, 4)
    assert num_parameters(model) == 20 * 65 + 10 * 21 + 4 * 11


@pytest.mark.parametrize("shape", [(7,), (1, 8, 8), (3, 5, 4)])
@pytest.mark.parametrize("schema", [*AFFINE_MODELS, lambda: MLPConfig(hidden=[])])
def test_size_of_an_affine_model(schema: type[ModelConfig], shape: tuple[int, ...]) -> None:
    assert num_parameters(build_model([schema()], shape, 4)) == 4 * (prod(shape) + 1)


@pytest.mark.parametrize("k", [4, 10])
@pytest.mark.parametrize("r", [8, 28])
def test_size_of_the_default_cnn(r: int, k: int) -> None:
    """32 filters of 3 x 3 that keep the size."""
    model = build_model([CNNConfig()], (1, r, r), k)
    assert num_parameters(model) == 320 + k * (32 * r**2 + 1)


def test_the_largest_mlp_that_is_smaller_than_the_default_cnn() -> None:
    cnn = num_parameters(build_model([CNNConfig()], (1, 28, 28), 10))
    smaller, larger = (
        num_parameters(build_model([MLPConfig(hidden=[m])], (1, 28, 28), 10)) for m in (315, 316)
    )
    assert smaller < cnn <= larger


@pytest.mark.parametrize("d", [1, 200])
def test_size_of_linear_models_without_bias(d: int) -> None:
    assert num_parameters(build_model([LinearConfig(bias=False)], (d,), 3)) == 3 * d
    assert num_parameters(build_model([QuadraticConfig()], (d,), 3)) == 2 * 3 * d


def test_size_of_the_default_dag() -> None:
    assert num_parameters(build_model([DagConfig()], IMAGE, 10)) == 64 * 65 + 64 * 65 + 10 * 65


@pytest.mark.parametrize("pooling", [Pooling.max, Pooling.avg])
def test_size_of_a_pooled_cnn_on_colour_images(pooling: Pooling) -> None:
    config = CNNConfig(filters=[4, 6], kernel=5, pooling=pooling)
    convolutions = 4 * (3 * 25 + 1) + 6 * (4 * 25 + 1)
    assert num_parameters(build_model([config], (3, 9, 8), 5)) == convolutions + 5 * (6 * 2 * 2 + 1)


def test_layers_are_named_for_people() -> None:
    mlp = build_model([MLPConfig(hidden=[3, 2], activation=Activation.tanh, dropout=0.1)], (4,), 2)
    cnn = build_model([CNNConfig(filters=[2, 2], pooling=Pooling.max, dropout=0.1)], IMAGE, 2)
    assert list(mlp.layers) == [
        *("flatten", "fc1", "tanh1", "dropout1", "fc2", "tanh2", "dropout2", "fc3"),
    ]
    assert list(cnn.layers) == [
        *("conv1", "relu1", "maxpool1", "conv2", "relu2", "maxpool2", "flatten", "dropout", "fc"),
    ]


@pytest.mark.parametrize("activation", Activation)
def test_the_activation_is_the_one_that_was_named(activation: Activation) -> None:
    mlp = build_model([MLPConfig(activation=activation)], (4,), 2)
    cnn = build_model([CNNConfig(activation=activation)], IMAGE, 2)
    named = [type(model.layers[f"{activation}1"]) for model in (mlp, cnn)]
    assert named == [import_builder(activation)] * 2


@pytest.mark.parametrize("output", Activation)
def test_the_output_activation_is_the_one_that_was_named(output: Activation) -> None:
    layers = build_model([MLPConfig(hidden=[3], output=output)], (4,), 2).layers
    named = ["flatten", "fc1", "relu1", "fc2"] + ([] if output is Activation.identity else [f"{output}2"])
    assert list(layers) == named
    assert output is Activation.identity or type(layers[f"{output}2"]) is import_builder(output)


@pytest.mark.parametrize(("rates", "expected"), [([0.0, 0.0], None), ([0.0, 0.5], [0.0, 0.5])])
@pytest.mark.parametrize("schema", [MLPConfig, CNNConfig])
def test_dropout_layers_exist_if_any_run_has_a_rate_and_use_the_rate_of_each(
    schema: type[MLPConfig] | type[CNNConfig], rates: list[float], expected: list[float] | None
) -> None:
    model = build_model([schema(dropout=rate) for rate in rates], IMAGE, 2)
    dropout_rates = [layer.rate_R.tolist() for layer in model.layers.values() if isinstance(layer, Dropout)]
    assert dropout_rates == ([] if expected is None else [expected])


@pytest.mark.parametrize(
    ("config", "shape", "message"),
    [
        (CNNConfig(kernel=9, padding=0), IMAGE, r"^model\.kernel=9 does not fit into an input of \(8, 8\)$"),
        (
            CNNConfig(filters=[2, 2], kernel=5, padding=0),
            IMAGE,
            r"^model\.kernel=5 does not fit into an input of \(4, 4\)$",
        ),
        (
            CNNConfig(filters=[2, 3], pooling=Pooling.max, pool_size=5),
            IMAGE,
            r"^model\.pool_size=5 does not fit into an input of \(3, 1, 1\)$",
        ),
        (
            CNNConfig(pooling=Pooling.avg, pool_size=9),
            IMAGE,
            r"^model\.pool_size=9 does not fit into an input of \(32, 8, 8\)$",
        ),
        (CNNConfig(), (7,), r"^model\.filters needs images .*, the data has \(7,\)$"),
    ],
)
def test_inputs_that_do_not_fit_are_refused_in_one_sentence(
    config: CNNConfig, shape: tuple[int, ...], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        build_model([config], shape, 10)
