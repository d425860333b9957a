"""Hand-built nets: exact on every input, and on perturbed ones up to the bound, which is sharp."""

import pytest
import torch
from torch import Tensor

from dlhw.config.model import IntervalUnits
from dlhw.hydra_support.compose import compose
from dlhw.nn.activations import ReLU, Sign, Step
from dlhw.nn.layer import Layer
from dlhw.procedures.verify import (
    FixedLayer,
    answers,
    extreme_perturbations,
    inputs,
    interval_nets,
    intervals,
    labels,
    mistakes,
    random_perturbation,
    verify,
)

VERSIONS = list(IntervalUnits)


def explicit(weight_OI: list[list[float]], bias_O: list[float], activation: Layer) -> FixedLayer:
    """A layer of one net, its weights a row for each unit."""
    weight = torch.tensor(weight_OI, dtype=torch.float64).T.unsqueeze(0)
    return FixedLayer(weight, torch.tensor([bias_O], dtype=torch.float64), activation)


@pytest.mark.parametrize("dim", [1, 2, 5, 10])
@pytest.mark.parametrize("version", VERSIONS)
def test_the_procedure_finds_no_error(version: IntervalUnits, dim: int) -> None:
    config = compose(["procedure=verify", f"procedure.dim={dim}", f"procedure.version={version}"])
    result = verify(config)
    pairs = (2 * dim + 1) * (2 * dim + 2) // 2
    assert result.values["nets"] == pairs == len(result.tables["nets"])
    assert result.values["inputs"] == 2**dim
    assert result.values["perturbed"] == (4 + 20) * 2**dim
    assert (result.values["errors"], result.values["errors_perturbed"]) == (0, 0)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_net_written_out_by_hand_is_the_one_of_the_batch(version: IntervalUnits) -> None:
    """A = -1, B = 2 in three dimensions, with the matrices as the assignment prints them."""
    bounds_R2 = torch.tensor([[-3.0, 0.0], [-1.0, 2.0]], dtype=torch.float64)
    x_1NI = inputs(3).unsqueeze(0) + 0.1
    if version is IntervalUnits.sign:
        first = explicit([[1, 1, 1], [-1, -1, -1]], [1.5, 2.5], Sign())
        by_hand = [first, explicit([[1, 1]], [-1], Sign())]
    else:
        first = explicit([[-1, -1, -1], [1, 1, 1]], [-1.5, -2.5], ReLU())
        by_hand = [first, explicit([[-1, -1]], [0], Sign())]
    batched = answers(interval_nets(version, 3, bounds_R2), x_1NI)
    assert torch.equal(batched[1:], answers(by_hand, x_1NI))


@pytest.mark.parametrize("version", VERSIONS)
def test_the_bound_on_perturbations_is_sharp(version: IntervalUnits) -> None:
    """With |eps_1 + … + eps_D| a little above 1/2 some net errs on some input."""
    bounds_R2, x_ND = intervals(3), inputs(3)
    net, labels_RN = interval_nets(version, 3, bounds_R2), labels(x_ND, bounds_R2)
    errors = sum(
        mistakes(net, (x_ND + total / 3).unsqueeze(0), labels_RN).sum() for total in (0.5001, -0.5001)
    )
    assert errors > 0


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("layer", [0, 1])
def test_a_wrong_bias_is_counted(version: IntervalUnits, layer: int) -> None:
    bounds_R2, x_ND = intervals(3), inputs(3)
    net, labels_RN = interval_nets(version, 3, bounds_R2), labels(x_ND, bounds_R2)
    net[layer].params["bias"].add_(1.0)
    assert mistakes(net, x_ND.unsqueeze(0), labels_RN).sum() > 0


def test_mistakes_counts_the_inputs_of_each_net() -> None:
    net = interval_nets(IntervalUnits.sign, 2, torch.tensor([[0.0, 0.0], [2.0, 2.0]], dtype=torch.float64))
    always = torch.ones(2, 4, dtype=torch.float64)
    assert mistakes(net, inputs(2).unsqueeze(0), always).tolist() == [2, 3]


def perturbations(dim: int) -> list[Tensor]:
    stream = torch.Generator().manual_seed(0)
    drawn = [random_perturbation(2**dim, dim, stream) for _ in range(200)]
    return [*extreme_perturbations(2**dim, dim), *drawn]


@pytest.mark.parametrize("dim", [1, 4, 10])
def test_perturbations_stay_within_the_bound_and_reach_it(dim: int) -> None:
    sums_N = torch.cat([noise_ND.sum(1) for noise_ND in perturbations(dim)])
    assert sums_N.abs().max() < 0.5
    assert sums_N.max() > 0.4999999
    assert sums_N.min() < -0.4999999
    if dim > 1:  # single components are free
        assert max(float(noise_ND.abs().max()) for noise_ND in perturbations(dim)) > 2


def test_perturbations_follow_the_seed() -> None:
    """No result of correct nets shows the seed, so compare the streams themselves."""
    one, other = (random_perturbation(8, 3, torch.Generator().manual_seed(seed)) for seed in (0, 1))
    assert not torch.equal(one, other)


GATES = {"and": (-1.5, [0, 0, 0, 1]), "or": (-0.5, [0, 1, 1, 1])}


@pytest.mark.parametrize("gate", GATES)
def test_gates_of_one_step_unit(gate: str) -> None:
    """AND = step(x1 + x2 - 1.5), OR = step(x1 + x2 - 0.5)."""
    bias, truth = GATES[gate]
    x_1NI = torch.tensor([[[0, 0], [0, 1], [1, 0], [1, 1]]], dtype=torch.float64)
    labels_1N = torch.tensor([truth], dtype=torch.float64)
    assert mistakes([explicit([[1, 1]], [bias], Step())], x_1NI, labels_1N).tolist() == [0]
    assert mistakes([explicit([[1, 1]], [bias - 1], Step())], x_1NI, labels_1N).item() > 0


def test_the_triangle_of_step_units() -> None:
    """Class 0 where x1 > 0.5, x2 > 0.5, x1 + x2 < 4, with weights among -1, -0.5, 0, 1, 3 and 4."""
    hidden = explicit([[1, 0], [0, 1], [-1, -1]], [-0.5, -0.5, 4], Step())
    net = [hidden, explicit([[-0.5, -0.5, -0.5]], [1], Step())]
    ticks = torch.linspace(0.05, 4.05, 41, dtype=torch.float64)  # none on a side
    x_NI = torch.cartesian_prod(ticks, ticks + 0.02)
    inside_N = (x_NI > 0.5).all(1) & (x_NI.sum(1) < 4)
    assert 0 < inside_N.sum() < len(x_NI)
    assert mistakes(net, x_NI.unsqueeze(0), (~inside_N).double().unsqueeze(0)).tolist() == [0]
