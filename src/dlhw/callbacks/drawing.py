"""Colours and fonts of drawn images."""

import functools

import numpy as np
from numpy.typing import NDArray
from PIL import ImageFont
from PIL.ImageFont import FreeTypeFont
from PIL.ImageFont import ImageFont as BitmapFont

Pixels = NDArray[np.uint8]
Font = FreeTypeFont | BitmapFont

WHITE = np.array([255.0, 255.0, 255.0])
BLUE = np.array([33.0, 102.0, 172.0])
RED = np.array([178.0, 24.0, 43.0])
NAVY = np.array([8.0, 48.0, 107.0])


def diverging(values: NDArray[np.floating], limit: float) -> Pixels:
    """Map values to colours: blue for -limit, white for 0, red for +limit.

    Args:
        values: numbers of any shape; those beyond the limit get the end colours.
        limit: magnitude at which the colours end.

    Returns:
        RGB colours in a new last axis.
    """
    position = np.clip(values / limit, -1.0, 1.0)[..., None] if limit > 0 else np.zeros((*values.shape, 1))
    end = np.where(position < 0, BLUE, RED)
    return np.rint(WHITE + np.abs(position) * (end - WHITE)).astype(np.uint8)


def sequential(fractions: NDArray[np.floating]) -> Pixels:
    """Map fractions to colours: white for 0, blue for 0.5, navy for 1. RGB is a new last axis."""
    fraction = np.clip(fractions, 0.0, 1.0)[..., None]
    low = WHITE + 2 * fraction * (BLUE - WHITE)
    high = BLUE + (2 * fraction - 1) * (NAVY - BLUE)
    return np.rint(np.where(fraction < 0.5, low, high)).astype(np.uint8)


@functools.cache
def font(size: int) -> Font:
    """Pillow's built-in font, so that images look alike on every machine.

    Args:
        size: in pixels.
    """
    return ImageFont.load_default(size)


def text_width(text: str, size: int) -> int:
    """Width of a line of text in pixels."""
    return round(font(size).getlength(text))


def shortened(text: str, width: int, size: int) -> str:
    """Cut a text to a width in pixels; dots mark the cut."""
    if text_width(text, size) <= width:
        return text
    while text and text_width(text + "...", size) > width:
        text = text[:-1]
    return text.rstrip() + "..."
