"""The flat buffer of all parameters, and its views."""

import pytest
import torch
from torch import Tensor

from dlhw.nn.conv import Conv2d
from dlhw.nn.linear import Affine
from dlhw.nn.parameters import ALIGNMENT, ParameterLayout

RUNS = 3
NAMES = ["conv.weight", "conv.bias", "fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"]


@pytest.fixture
def layout() -> ParameterLayout:
    """Sizes that are no multiples of the alignment, and one that is."""
    return ParameterLayout(
        {"conv": Conv2d(1, 3, 3).specs(), "fc1": Affine(4, 8).specs(), "fc2": Affine(7, 3).specs()}
    )


@pytest.fixture
def flat_RP(layout: ParameterLayout) -> Tensor:
    return layout.zeros(RUNS, torch.float64, torch.device("cpu"))


def number(layout: ParameterLayout, flat_RP: Tensor) -> None:
    """Give every parameter of every run another value, from 1."""
    count = 0
    for _, view in layout.named(flat_RP):
        view.copy_(torch.arange(count + 1, count + 1 + view.numel()).view_as(view))
        count += view.numel()


def test_num_parameters_counts_one_run_without_gaps(layout: ParameterLayout) -> None:
    assert layout.num_parameters == (3 * 9 + 3) + (4 * 8 + 8) + (7 * 3 + 3)
    assert layout.num_parameters < layout.size


def test_named_keeps_the_order_of_the_model(layout: ParameterLayout, flat_RP: Tensor) -> None:
    assert [name for name, _ in layout.named(flat_RP)] == NAMES


def test_views_write_through_and_never_overlap(layout: ParameterLayout, flat_RP: Tensor) -> None:
    number(layout, flat_RP)
    written = flat_RP[flat_RP != 0]
    assert len(written.unique()) == len(written) == RUNS * layout.num_parameters
    tree = layout.views(flat_RP)
    named = {name: tree[name.split(".")[0]][name.split(".")[1]] for name in NAMES}
    torch.testing.assert_close(named, dict(layout.named(flat_RP)), rtol=0, atol=0)


def test_weights_lie_before_biases(layout: ParameterLayout, flat_RP: Tensor) -> None:
    for name, view in layout.named(flat_RP):
        view.fill_(1 if name.endswith("weight") else -1)
    weights, biases = flat_RP[:, : layout.num_flat_weights], flat_RP[:, layout.num_flat_weights :]
    assert weights.min() == 0
    assert weights.sum() == RUNS * (27 + 32 + 21)
    assert biases.max() == 0
    assert biases.sum() == -RUNS * (3 + 8 + 3)


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_starts_at_a_multiple_of_64_bytes(layout: ParameterLayout, name: str) -> None:
    flat_RP = layout.zeros(RUNS, torch.float32, torch.device("cpu"))
    view = dict(layout.named(flat_RP))[name]
    assert [view[run].storage_offset() * 4 % 64 for run in range(RUNS)] == [0] * RUNS
    assert ALIGNMENT * 4 == 64


def test_of_run_copies(layout: ParameterLayout, flat_RP: Tensor) -> None:
    number(layout, flat_RP)
    before, copies = flat_RP.clone(), layout.of_run(flat_RP, 1)
    for copy in copies.values():
        copy.zero_()
    assert torch.equal(flat_RP, before)


@pytest.mark.parametrize("run", range(RUNS))
def test_a_run_comes_back_as_it_was_and_the_others_stay(
    layout: ParameterLayout, flat_RP: Tensor, run: int
) -> None:
    number(layout, flat_RP)
    before, saved = flat_RP.clone(), layout.of_run(flat_RP, run)
    assert list(saved) == NAMES
    flat_RP[run].fill_(-1)
    layout.load_run(flat_RP, run, saved)
    filled = before[run] != 0
    assert torch.equal(flat_RP[run][filled], before[run][filled])
    others = [other for other in range(RUNS) if other != run]
    assert torch.equal(flat_RP[others], before[others])
