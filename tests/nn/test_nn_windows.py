"""Windows and their adjoint."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Generator, Tensor

from dlhw.errors import ConfigError
from dlhw.nn.conv import Conv2d, crop_sides, num_positions, pad_sides, scatter_windows, windows_of
from dlhw.nn.layer import Layer
from dlhw.nn.linear import Affine
from dlhw.nn.pooling import AvgPool2d, MaxPool2d

sizes = st.integers(1, 9)
small = st.integers(1, 4)


def randn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=Generator().manual_seed(seed), dtype=torch.float64)


@settings(max_examples=50, deadline=None)
@given(height=sizes, width=sizes, kernel=small, stride=small, padding=st.integers(0, 3))
def test_scattering_is_the_adjoint_of_cutting_windows(
    height: int, width: int, kernel: int, stride: int, padding: int
) -> None:
    height, width = max(height, kernel), max(width, kernel)
    x = randn(2, height, width)
    windows = windows_of(pad_sides(x, padding), kernel, stride)
    positions = [num_positions(side, kernel, stride, padding) for side in (height, width)]
    assert windows.shape == (2, *positions, kernel, kernel)
    y = randn(*windows.shape, seed=1)
    padded = torch.zeros(2, height + 2 * padding, width + 2 * padding, dtype=torch.float64)
    image = scatter_windows(lambda row, column: y[..., row, column], kernel, stride, padded)
    torch.testing.assert_close((windows * y).sum(), (x * crop_sides(image, padding)).sum())


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (Conv2d(1, 2, 5), (1, 4, 4), r"model\.kernel=5 does not fit into an input of \(4, 4\)"),
        (Conv2d(1, 2, 5), (1, 9, 4), r"model\.kernel=5 does not fit into an input of \(9, 4\)"),
        (Conv2d(1, 2, 4, stride=3), (1, 3, 9), r"model\.kernel=4 does not fit"),
        (Conv2d(1, 2, 3), (7,), r"model\.filters needs images .* the data has \(7,\)"),
        (Conv2d(1, 2, 3), (3, 8, 8), r"model\.filters needs images .* the data has \(3, 8, 8\)"),
        (MaxPool2d(3), (4, 2, 8), r"model\.pool_size=3 does not fit into an input of \(4, 2, 8\)"),
        (AvgPool2d(3), (4, 8, 2), r"model\.pool_size=3 does not fit into an input of \(4, 8, 2\)"),
        (AvgPool2d(2), (8,), r"model\.pool_size=2 does not fit into an input of \(8,\)"),
        (Affine(3, 2), (4,), r"an affine layer of 3 inputs cannot take shape \(4,\)"),
    ],
)
def test_inputs_that_do_not_fit_are_refused_in_one_sentence(
    layer: Layer, shape: tuple[int, ...], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        layer.output_shape(shape)
