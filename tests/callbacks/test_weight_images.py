import numpy as np
import pytest
import torch

from dlhw.callbacks.drawing import BLUE, RED
from dlhw.callbacks.weight_images import (
    BACKGROUND,
    GAP,
    LEGEND_HEIGHT,
    first_layer,
    weight_image,
    weight_tiles,
)

Shape = tuple[int, ...]


@pytest.mark.parametrize(
    ("layers", "input_shape", "name"),
    [
        ({"fc1.weight": (64, 16), "fc1.bias": (16,)}, (1, 8, 8), "fc1.weight"),
        ({"fc1.bias": (16,), "fc1.weight": (64, 16)}, (8, 8), "fc1.weight"),
        ({"fc1.weight": (192, 16)}, (3, 8, 8), "fc1.weight"),
        ({"conv1.weight": (32, 1, 3, 3)}, (1, 28, 28), "conv1.weight"),
        ({"conv1.weight": (32, 3, 3, 3)}, (3, 28, 28), "conv1.weight"),
        ({"fc1.weight": (64, 16)}, (64,), None),  # a table
        ({"fc1.weight": (65, 16)}, (1, 8, 8), None),  # not of the input's size
        ({"conv1.weight": (32, 2, 3, 3)}, (2, 28, 28), None),  # neither grey nor colour
        ({"norm1.weight": (64,), "fc1.weight": (64, 16)}, (8, 8), None),  # not of the inputs themselves
        ({}, (8, 8), None),
        ({"fc1.weight": (1, 1)}, (), None),
    ],
)
def test_first_layer(layers: dict[str, Shape], input_shape: Shape, name: str | None) -> None:
    assert first_layer(layers, input_shape) == name


def test_a_tile_of_an_affine_layer_holds_the_weights_of_one_unit() -> None:
    weight = torch.arange(6 * 5.0).reshape(6, 5)
    tiles_UCHW = weight_tiles(weight, (1, 2, 3))
    assert tiles_UCHW.shape == (5, 1, 2, 3)
    assert tiles_UCHW[4, 0].ravel().tolist() == weight[:, 4].tolist()


def test_a_tile_of_a_convolution_is_its_filter() -> None:
    weight = torch.randn(4, 3, 5, 5)
    assert np.array_equal(weight_tiles(weight, (3, 9, 9)), weight.numpy())


@pytest.mark.parametrize(
    ("weight", "input_shape", "rows", "columns", "tile"),
    [
        ((64, 10), (8, 8), 3, 4, 56),
        ((784, 128), (1, 28, 28), 8, 8, 56),
        ((32, 1, 3, 3), (1, 28, 28), 6, 6, 57),
        ((16, 3, 5, 5), (3, 32, 32), 4, 4, 55),
        ((64, 1), (8, 8), 1, 1, 56),
        ((4096, 2), (64, 64), 1, 2, 64),
    ],
)
def test_size(weight: Shape, input_shape: Shape, rows: int, columns: int, tile: int) -> None:
    image = weight_image(weight_tiles(torch.randn(weight), input_shape))
    height, width = GAP + rows * (tile + GAP) + LEGEND_HEIGHT, GAP + columns * (tile + GAP)
    assert image.shape == (height, width, 3)
    assert image.dtype == np.uint8


def test_signs_are_colours_on_one_scale() -> None:
    weight = torch.zeros(4, 2)
    weight[0, 0], weight[3, 1] = -1.0, 1.0
    image = weight_image(weight_tiles(weight, (2, 2)))
    right = GAP + 56 + GAP
    assert image[GAP, GAP].tolist() == BLUE.tolist()
    assert image[GAP + 55, right + 55].tolist() == RED.tolist()
    assert image[GAP + 55, GAP].tolist() == [255, 255, 255]
    assert image[0, 0].tolist() == [BACKGROUND] * 3


def test_an_outlier_does_not_bleach_the_rest() -> None:
    weight = torch.ones(64, 16)
    weight[0, 0] = 1e6
    image = weight_image(weight_tiles(weight, (8, 8)))
    assert image[GAP + 55, GAP + 55].tolist() == RED.tolist()


@pytest.mark.parametrize("value", [0.0, float("nan"), float("inf")])
@pytest.mark.parametrize("channels", [1, 3])
def test_nothing_to_see_is_drawn_as_zero(value: float, channels: int) -> None:
    tiles_UCHW = np.full((4, channels, 8, 8), value)
    zero = 255 if channels == 1 else 128
    assert (weight_image(tiles_UCHW)[GAP : GAP + 56, GAP : GAP + 56] == zero).all()
