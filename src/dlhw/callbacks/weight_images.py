"""The weights of a model's first layer as an image.

Shapes: U units or filters, I inputs, C channels, H and W height and width.
"""

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from torch import Tensor

from dlhw.callbacks.drawing import Pixels, diverging, font, text_width

MAX_TILES = 64
TILE_PIXELS = 56
GAP = 4
LEGEND_HEIGHT = 30
BACKGROUND = 235


def first_layer(layers: Mapping[str, tuple[int, ...]], input_shape: tuple[int, ...]) -> str | None:
    """Name of the first weight if it can be shown as images of the input's channels; else None.

    Args:
        layers: parameter name -> shape, in the model's order.
        input_shape: of one input, `(H, W)` or `(C, H, W)` for images.
    """
    name = next((name for name in layers if name.endswith("weight")), None)
    channels, *size = (1, *input_shape) if len(input_shape) == 2 else input_shape or (0,)
    if name is None or len(size) != 2 or channels not in (1, 3):
        return None
    shape = layers[name]
    is_affine = len(shape) == 2 and shape[0] == channels * math.prod(size)
    is_convolution = len(shape) == 4 and shape[1] == channels
    return name if is_affine or is_convolution else None


def weight_tiles(weight: Tensor, input_shape: tuple[int, ...]) -> NDArray[np.floating]:
    """Arrange a weight as one small image per unit.

    Args:
        weight: of an affine layer, `(I, U)`, or a convolution, `(U, C, k, k)`.
        input_shape: `(H, W)` or `(C, H, W)`.

    Returns:
        `(U, C, H, W)`.
    """
    weights = weight.detach().cpu().numpy()
    if weights.ndim == 4:
        return weights
    image_shape = (1, *input_shape) if len(input_shape) == 2 else input_shape
    return weights.T.reshape(-1, *image_shape)


def weight_image(tiles_UCHW: NDArray[np.floating]) -> Pixels:
    """Draw at most 64 tiles as a grid on one colour scale, with the scale below.

    One channel is drawn from blue (negative) over white to red (positive). Three channels are drawn as red,
    green and blue, with grey for 0. NaN and infinities are drawn as 0.

    Args:
        tiles_UCHW: as `weight_tiles` returns them.

    Returns:
        `(height, width, 3)`.
    """
    tiles_UCHW = np.nan_to_num(tiles_UCHW[:MAX_TILES], nan=0.0, posinf=0.0, neginf=0.0)
    limit = colour_limit(tiles_UCHW)
    grid = _grid([_enlarged(_coloured(tile, limit)) for tile in tiles_UCHW])
    return np.concatenate([grid, _legend(grid.shape[1], limit, tiles_UCHW.shape[1] == 3)])


def colour_limit(weights: NDArray[np.floating]) -> float:
    """Magnitude of the end colours: the 99.5 % quantile, so that a few outliers do not bleach the rest."""
    magnitudes = np.abs(weights)
    return float(np.quantile(magnitudes, 0.995)) or float(magnitudes.max())


def _coloured(tile_CHW: NDArray[np.floating], limit: float) -> Pixels:
    if len(tile_CHW) == 1:
        return diverging(tile_CHW[0], limit)
    position = np.clip(tile_CHW / limit, -1.0, 1.0) if limit > 0 else tile_CHW
    return np.rint(127.5 * (1 + position.transpose(1, 2, 0))).astype(np.uint8)


def _enlarged(tile_HW3: Pixels) -> Pixels:
    """Repeat pixels, so that each weight is a sharp square."""
    factor = max(1, round(TILE_PIXELS / min(tile_HW3.shape[:2])))
    return tile_HW3.repeat(factor, axis=0).repeat(factor, axis=1)


def _grid(tiles: list[Pixels]) -> Pixels:
    height, width, _ = tiles[0].shape
    columns = math.ceil(math.sqrt(len(tiles)))
    rows = math.ceil(len(tiles) / columns)
    shape = (GAP + rows * (height + GAP), GAP + columns * (width + GAP), 3)
    grid = np.full(shape, BACKGROUND, dtype=np.uint8)
    for index, tile in enumerate(tiles):
        row, column = divmod(index, columns)
        top, left = GAP + row * (height + GAP), GAP + column * (width + GAP)
        grid[top : top + height, left : left + width] = tile
    return grid


def _legend(width: int, limit: float, is_rgb: bool) -> Pixels:
    """A strip, as wide as the grid, with the colours from -limit over 0 to +limit."""
    bar = np.linspace(-1.0, 1.0, max(1, width - 2 * GAP))
    colours = np.rint(127.5 * (1 + bar))[:, None].repeat(3, 1) if is_rgb else diverging(bar, 1.0)
    strip = np.full((LEGEND_HEIGHT, width, 3), BACKGROUND, dtype=np.uint8)
    strip[4:12, GAP : GAP + len(bar)] = colours.astype(np.uint8)
    image = Image.fromarray(strip)
    draw = ImageDraw.Draw(image)
    low, high = f"{-limit:.3g}", f"{limit:.3g}"
    labels = [
        (low, GAP),
        ("0", (width - text_width("0", 11)) // 2),
        (high, width - GAP - text_width(high, 11)),
    ]
    if width < 120:  # too narrow for three numbers
        labels = labels[2:]
    for text, left in labels:
        draw.text((left, 14), text, fill=(60, 60, 60), font=font(11))
    return np.asarray(image)
