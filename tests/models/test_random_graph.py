"""Model `random_graph`: which units are connected, what they compute, and that the run's seed does not change the graph."""

import torch

from dlhw.config.model import Activation
from dlhw.config.model_graph import RandomGraphConfig
from dlhw.models.build import build_model
from dlhw.nn.containers import Network
from dlhw.nn.layer import Context
from dlhw.nn.linear import SparseAffine
from dlhw.nn.parameters import ParameterLayout

KINDS = [Activation.sine, Activation.absolute, Activation.gaussian]
FUNCTIONS = [torch.sin, torch.abs, lambda x: torch.exp(-x.square() / 2)]


def graph(graph_seed: int = 0, **fields: object) -> Network:
    config = RandomGraphConfig(hidden=[6], fan_in=3, activations=KINDS, graph_seed=graph_seed, **fields)  # type: ignore[arg-type]
    return build_model([config] * 2, (1, 2, 4), 5)


def sources(network: Network) -> list[torch.Tensor]:
    return [layer.sources_KO for layer in network.layers.values() if isinstance(layer, SparseAffine)]


def test_every_unit_has_fan_in_different_units_of_the_layer_before() -> None:
    first, second = sources(graph())
    assert (first.shape, second.shape) == ((3, 6), (3, 5))
    for drawn, num_in in ((first, 8), (second, 6)):
        assert all(len(set(column)) == 3 for column in drawn.T.tolist())
        assert 0 <= int(drawn.min()) <= int(drawn.max()) < num_in


def test_the_graph_is_that_of_its_seed() -> None:
    assert torch.equal(sources(graph(1))[0], sources(graph(1))[0])
    assert not torch.equal(sources(graph(1))[0], sources(graph(2))[0])


def test_the_output_is_that_of_the_formula_unit_by_unit() -> None:
    network = graph()
    layout = ParameterLayout(network.specs())
    flat_RP = torch.randn(2, layout.size, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    params = layout.views(flat_RP)
    x_SNI = torch.linspace(-1, 1, 24, dtype=torch.float64).view(1, 3, 1, 2, 4)
    out, _ = network.forward(params, x_SNI, Context())
    first, second = sources(network)
    for run in range(2):
        hidden = x_SNI.view(3, 8)
        for name, drawn in (("fc1", first), ("fc2", second)):
            weight, bias = params[name]["weight"][run], params[name]["bias"][run]
            units = [hidden[:, drawn[:, o]] @ weight[:, o] + bias[o] for o in range(drawn.shape[1])]
            if name == "fc1":  # two units of each kind
                units = [FUNCTIONS[o // 2](unit) for o, unit in enumerate(units)]
            hidden = torch.stack(units, 1)
        torch.testing.assert_close(out[run], hidden, rtol=1e-12, atol=1e-12)


def test_only_the_connections_that_there_are_count_as_parameters() -> None:
    assert ParameterLayout(graph().specs()).num_parameters == 3 * 6 + 6 + 3 * 5 + 5
