"""Graphs of layers: the same numbers as the formula, gradients of autograd, and what is refused."""

from collections.abc import Mapping, Sequence

import pytest
import torch
from layer_cases import context
from torch import Generator, Tensor

from dlhw.config.model_graph import in_order
from dlhw.errors import ConfigError
from dlhw.nn.activations import Identity, ReLU, Sigmoid, Tanh
from dlhw.nn.containers import Graph, Node, Sequential
from dlhw.nn.conv import Conv2d
from dlhw.nn.gradcheck import check_layers
from dlhw.nn.linear import Affine
from dlhw.nn.parameters import ParameterLayout
from dlhw.nn.shape import Add, Concat, Flatten

Nodes = Mapping[str, Node]
RESIDUAL: Nodes = {
    "fc1": Node(Affine(6, 5), ["input"]),
    "tanh1": Node(Tanh(), ["fc1"]),
    "fc2": Node(Affine(5, 5), ["tanh1"]),
    "skip": Node(Add(), ["tanh1", "fc2"]),
    "output": Node(Affine(5, 3), ["skip"]),
}
GRAPHS: dict[str, tuple[Nodes, tuple[int, ...]]] = {
    "residual": (RESIDUAL, (6,)),
    "input-twice": (
        {
            "fc1": Node(Affine(6, 6), ["input"]),
            "sum": Node(Add(), ["input", "fc1", "input"]),
            "output": Node(Affine(6, 2), ["sum"]),
        },
        (6,),
    ),
    "shared-and-own-inputs-concatenated": (
        {
            "fc1": Node(Affine(6, 4), ["input"]),
            "sigmoid": Node(Sigmoid(), ["fc1"]),
            "both": Node(Concat(), ["input", "sigmoid", "fc1"]),
            "output": Node(Affine(14, 2), ["both"]),
        },
        (6,),
    ),
    "aliases": (  # identities and sums pass one tensor on to many
        {
            "fc1": Node(Affine(6, 4), ["input"]),
            "same": Node(Identity(), ["fc1"]),
            "twice": Node(Add(), ["same", "same"]),
            "all": Node(Add(), ["twice", "same", "fc1"]),
            "output": Node(Add(), ["all", "fc1"]),
        },
        (6,),
    ),
    "dense": (
        {
            "fc1": Node(Affine(6, 3), ["input"]),
            "relu1": Node(ReLU(), ["fc1"]),
            "cat1": Node(Concat(), ["input", "relu1"]),
            "fc2": Node(Affine(9, 2), ["cat1"]),
            "tanh2": Node(Tanh(), ["fc2"]),
            "cat2": Node(Concat(), ["cat1", "tanh2", "relu1"]),
            "output": Node(Affine(14, 3), ["cat2"]),
        },
        (6,),
    ),
    "images": (
        {
            "conv1": Node(Conv2d(2, 3, 3, padding=1), ["input"]),
            "tanh1": Node(Tanh(), ["conv1"]),
            "conv2": Node(Conv2d(3, 3, 3, padding=1), ["tanh1"]),
            "skip": Node(Add(), ["tanh1", "conv2"]),
            "channels": Node(Concat(), ["skip", "input", "conv1"]),
            "conv3": Node(Conv2d(8, 2, 2), ["channels"]),
            "flat": Node(Flatten(), ["conv3"]),
            "output": Node(Affine(2 * 3 * 4, 2), ["flat"]),
        },
        (2, 4, 5),
    ),
}
every_graph = pytest.mark.parametrize("name", GRAPHS)


def random_graph(name: str, runs: int = 3) -> tuple[Graph, Tensor, Tensor]:
    """A graph, parameters (R, P) and seven shared inputs."""
    graph, generator = Graph(*GRAPHS[name]), Generator().manual_seed(0)
    flat_RP = torch.randn(runs, ParameterLayout(graph.specs()).size, generator=generator, dtype=torch.float64)
    return graph, flat_RP, torch.randn(1, 7, *graph.input_shape, generator=generator, dtype=torch.float64)


def passes(graph: Graph | Sequential, flat_RP: Tensor, x: Tensor, reuse: bool, need_dx: bool) -> list[Tensor]:
    """Output, flat gradients and, if wanted, the gradient of the input; three batches through one workspace."""
    layout, ctx, passed = ParameterLayout(graph.specs()), context(reuse=reuse), []
    for batch in (x[:, :4], x[:, 4:], x[:, 3:]):
        grads_RP = torch.zeros_like(flat_RP)
        out, caches = graph.forward(layout.views(flat_RP), batch, ctx)
        dout = torch.ones_like(out).cumsum(1)
        dx = graph.backward(layout.views(flat_RP), dout, caches, layout.views(grads_RP), ctx, need_dx=need_dx)
        assert (dx is not None) == need_dx
        passed += [out.clone(), grads_RP, *([] if dx is None else [dx.clone()])]
    return passed


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("num_runs", [1, 3])
@every_graph
def test_gradients_are_those_of_autograd_and_of_differences(name: str, num_runs: int, seed: int) -> None:
    graph, _, x_1N = random_graph(name)
    generator = Generator().manual_seed(seed)
    checks = check_layers(graph, x_1N, num_runs=num_runs, probes=20, generator=generator)
    assert len(checks) == 1 + sum(map(len, graph.specs().values()))
    assert [check for check in checks if not check.passes(1e-9, 1e-6)] == []


@pytest.mark.parametrize("need_dx", [False, True])
@every_graph
def test_reused_buffers_change_nothing(name: str, need_dx: bool) -> None:
    graph, flat_RP, x_1N = random_graph(name)
    reused, fresh = (passes(graph, flat_RP, x_1N, reuse, need_dx) for reuse in (True, False))
    torch.testing.assert_close(reused, fresh, rtol=0, atol=1e-12)


@every_graph
def test_parameters_get_the_same_gradients_when_the_input_needs_none(name: str) -> None:
    graph, flat_RP, x_1N = random_graph(name)
    with_dx = passes(graph, flat_RP, x_1N, reuse=True, need_dx=True)
    without = passes(graph, flat_RP, x_1N, reuse=True, need_dx=False)
    kept = [tensor for place, tensor in enumerate(with_dx) if place % 3 != 2]
    torch.testing.assert_close(kept, without, rtol=0, atol=0)


@pytest.mark.parametrize("run", [0, 1, 2])
@every_graph
def test_a_run_of_a_cohort_computes_what_it_computes_alone(name: str, run: int) -> None:
    graph, flat_RP, x_1N = random_graph(name)
    together = passes(graph, flat_RP, x_1N, reuse=True, need_dx=True)
    alone = passes(graph, flat_RP[run : run + 1], x_1N, reuse=True, need_dx=True)
    torch.testing.assert_close([tensor[run : run + 1] for tensor in together], alone, rtol=1e-12, atol=1e-12)


@every_graph
def test_a_run_that_is_nan_leaves_the_others_as_they_are(name: str) -> None:
    graph, flat_RP, x_1N = random_graph(name)
    before = passes(graph, flat_RP, x_1N, reuse=False, need_dx=True)
    flat_RP[1] = torch.nan
    after = passes(graph, flat_RP, x_1N, reuse=False, need_dx=True)
    assert after[0][1].isnan().all()
    torch.testing.assert_close(
        [tensor[[0, 2]] for tensor in after], [tensor[[0, 2]] for tensor in before], rtol=0, atol=0
    )


def test_a_chain_computes_what_sequential_computes() -> None:
    layers = {"fc1": Affine(6, 5), "relu": ReLU(), "output": Affine(5, 3)}
    nodes = {"fc1": Node(layers["fc1"], ["input"]), "relu": Node(layers["relu"], ["fc1"])}
    graph = Graph({**nodes, "output": Node(layers["output"], ["relu"])}, (6,))
    chain = Sequential(layers, (6,))
    flat_RP = torch.randn(3, ParameterLayout(chain.specs()).size, generator=Generator().manual_seed(0))
    x = torch.randn(1, 7, 6, generator=Generator().manual_seed(1))
    graph_passes, chain_passes = (
        passes(network, flat_RP, x, reuse=True, need_dx=True) for network in (graph, chain)
    )
    torch.testing.assert_close(graph_passes, chain_passes, rtol=0, atol=0)
    assert (graph.max_activation_size, graph.total_activation_size) == (
        chain.max_activation_size,
        chain.total_activation_size,
    )


def test_a_skip_connection_adds_what_it_skips() -> None:
    graph, flat_RP, x_1N = random_graph("residual")
    views = ParameterLayout(graph.specs()).views(flat_RP)

    def affine(name: str, x: Tensor) -> Tensor:
        return x @ views[name]["weight"] + views[name]["bias"].unsqueeze(1)

    h = torch.tanh(affine("fc1", x_1N))
    expected = affine("output", h + affine("fc2", h))
    torch.testing.assert_close(graph.forward(views, x_1N, context())[0], expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_nodes_may_be_named_in_any_order(seed: int) -> None:
    names = list(RESIDUAL)
    mixed = [names[place] for place in torch.randperm(len(names), generator=Generator().manual_seed(seed))]
    mixed_graph, graph = (Graph({name: RESIDUAL[name] for name in order}, (6,)) for order in (mixed, names))
    assert list(mixed_graph.layers) == list(graph.layers) == ["fc1", "tanh1", "fc2", "output"]


@every_graph
def test_sizes_count_every_output_and_the_input(name: str) -> None:
    graph, flat_RP, x_1N = random_graph(name)
    layout = ParameterLayout(graph.specs())
    out, caches = graph.forward(layout.views(flat_RP), x_1N, context())
    assert tuple(out.shape[2:]) == graph.output_shape
    assert graph.max_activation_size <= graph.total_activation_size
    assert len(caches) == len(graph.layers)


def test_only_kinks_that_exist_are_reported() -> None:
    graph, flat_RP, x_1N = random_graph("dense")
    _, caches = graph.forward(ParameterLayout(graph.specs()).views(flat_RP), x_1N, context())
    assert [branch.shape for branch in graph.kink_pattern(caches)] == [(3, 7, 3)]


class GraphThatForgets(Graph):
    """Keeps only what the last consumer passes back."""

    def _sum(self, name: str, before: Tensor | None, part: Tensor, ctx: object) -> Tensor:
        return part


class ConcatThatSwaps(Concat):
    def backward(self, dout: Tensor, input_shapes: Sequence[tuple[int, ...]]) -> Sequence[Tensor]:
        return super().backward(dout, input_shapes)[::-1]


def wrong_variables(graph: Graph) -> set[str]:
    x_1N = torch.randn(1, 5, *graph.input_shape, generator=Generator().manual_seed(0), dtype=torch.float64)
    checks = check_layers(graph, x_1N, num_runs=2, probes=10, generator=Generator().manual_seed(0))
    return {check.name for check in checks if not check.passes(1e-9, 1e-6)}


def test_a_graph_that_forgets_a_consumer_is_found() -> None:
    """The gradient that reaches tanh1 through the skip connection, or through fc2, is lost."""
    assert wrong_variables(GraphThatForgets(RESIDUAL, (6,))) == {"input", "fc1.weight", "fc1.bias"}


def test_a_merge_that_mixes_up_its_inputs_is_found() -> None:
    nodes = {
        "a": Node(Affine(4, 3), ["input"]),
        "b": Node(Affine(4, 3), ["input"]),
        "output": Node(ConcatThatSwaps(), ["a", "b"]),
    }
    assert wrong_variables(Graph(nodes, (4,))) == {"input", "a.weight", "a.bias", "b.weight", "b.bias"}


def relu(*inputs: str) -> Node:
    return Node(ReLU(), inputs)


REFUSED: dict[str, tuple[Nodes, str]] = {
    "cycle": (
        {"output": relu("b"), "a": relu("b"), "b": relu("c"), "c": relu("a")},
        "the nodes a -> c -> b -> a are a cycle",
    ),
    "self": ({"a": relu("a"), "output": relu("a")}, "the nodes a -> a are a cycle"),
    "cycle-aside": (
        {"output": relu("input"), "a": relu("b"), "b": relu("a")},
        "the nodes a -> b -> a are a cycle",
    ),
    "unknown": (
        {"fc1": relu("input"), "output": relu("fcl")},
        "the node output has the input fcl, which does not exist; did you mean fc1?",
    ),
    "unused": (
        {"a": relu("input"), "b": relu("a"), "output": relu("input")},
        "the node a is unused: nothing leads from it to output",
    ),
    "no-inputs": (
        {"output": Node(ReLU(), [])},
        "the node output has no inputs: name them, such as input",
    ),
    "no-output": ({"a": relu("input")}, "one of the nodes must be named output, got a"),
    "input": ({"input": relu("input"), "output": relu("input")}, "a node cannot be named input, the name"),
    "two": (
        {"output": relu("input", "input")},
        "the node output takes one input, got input, input: merge them by add or concat",
    ),
    "one": ({"output": Node(Add(), ["input"])}, "the node output merges two or more inputs, got only input"),
    "add": (
        {"fc": Node(Affine(4, 3), ["input"]), "output": Node(Add(), ["fc", "input"])},
        "the node output of fc, input: add needs inputs of one shape, got (3,) and (4,)",
    ),
    "layer": (
        {"fc": Node(Affine(4, 3), ["input"]), "output": Node(Affine(4, 3), ["fc"])},
        "the node output of fc: an affine layer of 4 inputs cannot take shape (3,)",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_computed_is_refused_by_name(name: str) -> None:
    nodes, message = REFUSED[name]
    with pytest.raises(ConfigError) as refused:
        Graph(nodes, (4,))
    assert str(refused.value).startswith(message)


def test_images_of_other_sizes_cannot_be_concatenated() -> None:
    nodes = {"conv": Node(Conv2d(1, 2, 3), ["input"]), "output": Node(Concat(), ["input", "conv"])}
    with pytest.raises(
        ConfigError, match=r"differ at most in features or channels, got \(1, 5, 5\) and \(2, 3, 3\)"
    ):
        Graph(nodes, (1, 5, 5))


@pytest.mark.parametrize("seed", range(20))
def test_every_node_stands_after_those_that_it_takes(seed: int) -> None:
    """Random graphs whose nodes take earlier ones, named in random order."""
    generator = Generator().manual_seed(seed)
    names = ["input", *(f"n{number}" for number in range(12)), "output"]
    inputs: dict[str, list[str]] = {}
    for place in range(1, len(names)):
        chosen = torch.randperm(place, generator=generator)[:2].tolist()
        # the node before is always taken, so that none is unused
        inputs[names[place]] = [names[place - 1], *(names[other] for other in chosen)]
    mixed = torch.randperm(len(inputs), generator=generator).tolist()
    order = in_order({name: inputs[name] for name in [list(inputs)[place] for place in mixed]})
    assert sorted(order) == sorted(inputs)
    seen = {"input"}
    for name in order:
        assert seen.issuperset(inputs[name])
        seen.add(name)
