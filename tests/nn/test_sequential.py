"""Chains of layers."""

import pytest
import torch
from layer_cases import context
from torch import Generator, Tensor

from dlhw.errors import ConfigError
from dlhw.nn.activations import ReLU, Tanh
from dlhw.nn.containers import Sequential
from dlhw.nn.conv import Conv2d
from dlhw.nn.gradcheck import check_layers
from dlhw.nn.layer import Layer
from dlhw.nn.linear import Affine
from dlhw.nn.parameters import ParameterLayout
from dlhw.nn.pooling import MaxPool2d
from dlhw.nn.shape import Flatten

CHAINS: dict[str, tuple[dict[str, Layer], tuple[int, ...]]] = {
    "mlp": ({"fc1": Affine(6, 5), "tanh1": Tanh(), "fc2": Affine(5, 3)}, (6,)),
    "pool-first": ({"pool": MaxPool2d(2), "flatten": Flatten(), "fc": Affine(8, 3)}, (2, 4, 4)),
    "cnn": (
        {
            "conv1": Conv2d(1, 3, 3, padding=1),
            "relu1": ReLU(),
            "maxpool1": MaxPool2d(2),
            "conv2": Conv2d(3, 2, 2),
            "tanh2": Tanh(),
            "flatten": Flatten(),
            "fc": Affine(2 * 2 * 1, 3),
        },
        (1, 6, 5),
    ),
}
every_chain = pytest.mark.parametrize("name", CHAINS)


def train_pass(model: Sequential, flat_RP: Tensor, x: Tensor, reuse: bool, need_dx: bool) -> list[Tensor]:
    """Output, flat gradients and, if wanted, the gradient of the input; two batches through one workspace."""
    layout, ctx, passed = ParameterLayout(model.specs()), context(reuse=reuse), []
    for batch in (x[:, :4], x[:, 4:]):
        grads_RP = torch.zeros_like(flat_RP)
        out, caches = model.forward(layout.views(flat_RP), batch, ctx)
        dout = torch.ones_like(out).cumsum(1)
        dx = model.backward(layout.views(flat_RP), dout, caches, layout.views(grads_RP), ctx, need_dx=need_dx)
        assert (dx is not None) == need_dx
        passed += [out.clone(), grads_RP, *([] if dx is None else [dx.clone()])]
    return passed


def random_chain(name: str, *, runs: int) -> tuple[Sequential, Tensor, Tensor]:
    """A model, its parameters (R, P) and seven shared inputs."""
    model, generator = Sequential(*CHAINS[name]), Generator().manual_seed(0)
    size = ParameterLayout(model.specs()).size
    flat_RP = torch.randn(runs, size, generator=generator, dtype=torch.float64)
    return model, flat_RP, torch.randn(1, 7, *model.input_shape, generator=generator, dtype=torch.float64)


@every_chain
def test_gradients_of_a_chain_are_right(name: str) -> None:
    model, _, x_1N = random_chain(name, runs=3)
    checks = check_layers(model, x_1N, num_runs=3, probes=20, generator=Generator().manual_seed(0))
    assert [check for check in checks if not check.passes(1e-9, 1e-6)] == []


@pytest.mark.parametrize("need_dx", [False, True])
@every_chain
def test_reused_buffers_change_nothing(name: str, need_dx: bool) -> None:
    model, flat_RP, x_1N = random_chain(name, runs=3)
    reused, fresh = (train_pass(model, flat_RP, x_1N, reuse, need_dx) for reuse in (True, False))
    torch.testing.assert_close(reused, fresh, rtol=0, atol=1e-12)


@pytest.mark.parametrize("run", [0, 1, 2])
@every_chain
def test_a_run_of_a_cohort_computes_what_it_computes_alone(name: str, run: int) -> None:
    model, flat_RP, x_1N = random_chain(name, runs=3)
    together = train_pass(model, flat_RP, x_1N, reuse=True, need_dx=True)
    alone = train_pass(model, flat_RP[run : run + 1], x_1N, reuse=True, need_dx=True)
    torch.testing.assert_close([tensor[run : run + 1] for tensor in together], alone, rtol=1e-12, atol=1e-12)


def test_one_layer_object_may_stand_at_two_places() -> None:
    relu = ReLU()
    layers = {"fc1": Affine(4, 4), "relu1": relu, "fc2": Affine(4, 4), "relu2": relu}
    x_1N = torch.randn(1, 6, 4, generator=Generator().manual_seed(0), dtype=torch.float64)
    checks = check_layers(
        Sequential(layers, (4,)), x_1N, num_runs=2, probes=20, generator=Generator().manual_seed(0)
    )
    assert [check for check in checks if not check.passes(1e-9, 1e-6)] == []


def test_shapes_are_known_before_any_data() -> None:
    model = Sequential(*CHAINS["cnn"])
    assert model.output_shape == (3,)
    assert model.max_activation_size == 3 * 6 * 5
    assert list(model.specs()) == ["conv1", "conv2", "fc"]


def test_neighbours_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"an affine layer of 4 inputs cannot take shape \(5,\)"):
        Sequential({"fc1": Affine(6, 5), "fc2": Affine(4, 3)}, (6,))


def test_only_kinks_that_exist_are_reported() -> None:
    model, flat_RP, x_1N = random_chain("cnn", runs=2)
    _, caches = model.forward(ParameterLayout(model.specs()).views(flat_RP), x_1N, context())
    assert [branch.shape[2:] for branch in model.kink_pattern(caches)] == [(3, 6, 5), (3, 3, 2)]
