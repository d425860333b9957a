"""The font of drawn pictures: the one that Pillow carries, so that pictures look alike on every machine."""

import functools

from PIL import ImageFont
from PIL.ImageFont import FreeTypeFont
from PIL.ImageFont import ImageFont as BitmapFont

Font = FreeTypeFont | BitmapFont


@functools.cache
def font(size: int) -> Font:
    """Pillow's own font in the given size (in pixels)."""
    return ImageFont.load_default(size)


def text_width(text: str, size: int) -> int:
    """Pixels that a line of text is wide."""
    return round(font(size).getlength(text))


def shortened(text: str, width: int, size: int) -> str:
    """Cut a text to a width in pixels, with dots where something was left out."""
    if text_width(text, size) <= width:
        return text
    while text and text_width(text + "...", size) > width:
        text = text[:-1]
    return text.rstrip() + "..."
