"""Model `dag`: nodes of the config become the graph that they describe, or one sentence."""

import pytest
import torch
from torch import Generator

from dlhw.commands.gradcheck import gradcheck
from dlhw.config.load import check, from_dict, to_dict
from dlhw.config.model_graph import DagConfig, NodeConfig, NodeKind
from dlhw.errors import ConfigError
from dlhw.hydra_support.compose import compose
from dlhw.models.build import build_model
from dlhw.nn.containers import Graph
from dlhw.nn.layer import Context
from dlhw.nn.parameters import ParameterLayout

# Two branches of other width, joined with the input.
BRANCHES = (
    "model.nodes=[{name: a, units: 3, inputs: [input]}, {name: ta, layer: tanh, inputs: [a]}, "
    "{name: b, units: 2, inputs: [input]}, {name: sb, layer: sigmoid, inputs: [b]}, "
    "{name: join, layer: concat, inputs: [ta, sb, input]}, {name: output, inputs: [join]}]"
)


def test_nodes_of_the_command_line_replace_those_of_the_file() -> None:
    config = check(compose(["model=dag", BRANCHES]))
    assert isinstance(config.model, DagConfig)
    assert [node.name for node in config.model.nodes] == ["a", "ta", "b", "sb", "join", "output"]
    graph = build_model([config.model], (1, 8, 8), 10)
    assert {name: [s.shape for s in specs.values()] for name, specs in graph.specs().items()} == {
        "a": [(64, 3), (3,)],
        "b": [(64, 2), (2,)],
        "output": [(69, 10), (10,)],
    }


def test_a_saved_config_is_read_back() -> None:
    config = compose(["model=dag", BRANCHES])
    assert from_dict(to_dict(config)) == config


def test_branches_compute_what_they_describe() -> None:
    config = compose(["model=dag", BRANCHES])
    graph = build_model([config.model], (4,), 2)
    assert isinstance(graph, Graph)
    layout, generator = ParameterLayout(graph.specs()), Generator().manual_seed(0)
    flat_RP = torch.randn(3, layout.size, generator=generator, dtype=torch.float64)
    x_1N4 = torch.randn(1, 5, 4, generator=generator, dtype=torch.float64)
    views = layout.views(flat_RP)
    a, b = (x_1N4 @ views[name]["weight"] + views[name]["bias"].unsqueeze(1) for name in "ab")
    joined = torch.cat([torch.tanh(a), torch.sigmoid(b), x_1N4.expand(3, -1, -1)], 2)
    expected = joined @ views["output"]["weight"] + views["output"]["bias"].unsqueeze(1)
    torch.testing.assert_close(graph.forward(views, x_1N4, Context())[0], expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("runs", [1, 3])
def test_gradients_of_branches_are_right(runs: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert gradcheck(["model=dag", BRANCHES, "--probes=10", f"--runs={runs}"]) == 0
    assert "join" not in capsys.readouterr().out


def node(name: str, *inputs: str, layer: NodeKind = NodeKind.affine, units: int | None = None) -> NodeConfig:
    return NodeConfig(name=name, layer=layer, inputs=list(inputs), units=units)


PROBLEMS: list[tuple[list[NodeConfig], str]] = [
    (
        [node("output", "a"), node("a", "b"), node("b", "a")],
        "model.nodes: the nodes a -> b -> a are a cycle",
    ),
    ([node("output", "fc")], "model.nodes: the node output has the input fc, which does not exist"),
    (
        [node("output", "input"), node("aside", "input")],
        "model.nodes: the node aside is unused: nothing leads from it to output",
    ),
    ([], "model.nodes: one of the nodes must be named output, got none"),
    (
        [node("output", "input"), node("output", "input")],
        "model.nodes must have names of their own, got output twice",
    ),
    (
        [node("output", "input", layer=NodeKind.add)],
        "model.nodes[0].inputs must name two or more nodes for layer=add, got ['input']",
    ),
    (
        [node("output", "input", "input")],
        "model.nodes[0].inputs must name one node for layer=affine (add and concat take more), "
        "got ['input', 'input']",
    ),
    (
        [node("output", "input", layer=NodeKind("relu"), units=3)],
        "model.nodes[0].units is only read by layer=affine, got layer=relu",
    ),
    ([node("output", "input", units=0)], "model.nodes[0].units must be >= 1, got 0"),
    (
        [node("a.b", "input"), node("output", "a.b")],
        "model.nodes[0].name must be a word (letters, digits, _ and -), got 'a.b'",
    ),
]


@pytest.mark.parametrize(("nodes", "sentence"), PROBLEMS, ids=[sentence for _, sentence in PROBLEMS])
def test_invalid_nodes_are_refused_in_one_sentence(nodes: list[NodeConfig], sentence: str) -> None:
    assert list(DagConfig(nodes=nodes).problems()) == [sentence]


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        (
            [node("fc", "input", units=5), node("output", "fc", "input", layer=NodeKind.add)],
            r"^model\.nodes: the node output of fc, flat input: add needs inputs of one shape, got \(5,\) and \(4,\)$",
        ),
        (
            [node("output", "input", units=5)],
            r"^model\.nodes must give 3 outputs for this data and loss, output gives 5; an affine node",
        ),
    ],
)
def test_widths_that_do_not_fit_are_refused_in_one_sentence(nodes: list[NodeConfig], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build_model([DagConfig(nodes=nodes)], (4,), 3)
