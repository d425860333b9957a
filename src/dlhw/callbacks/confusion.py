"""The confusion matrix as a picture: true class by row, predicted class by column.

Shapes: K classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from torch import Tensor

from dlhw.callbacks.colormap import Pixels, sequential
from dlhw.callbacks.fonts import font, shortened, text_width
from dlhw.display import visible

MARGIN = 16
HEAD_HEIGHT = 96
SIDE_WIDTH = 48
MAX_NAME = 150
TITLE_SIZE, NOTE_SIZE = 17, 13
INK, GREY, LINE, PAPER = (30, 30, 30), (110, 110, 110), (215, 215, 215), (255, 255, 255)

Colour = tuple[int, ...]


@dataclass(frozen=True)
class Layout:
    """Pixels: side of a cell, sizes of the text in it (0: none) and of names, corner of the first cell."""

    cell: int
    text: int
    names: int
    are_turned: bool
    left: int
    top: int
    side: int

    def centre(self, index: int) -> int:
        """Middle of a row or column, from the first cell."""
        return index * self.cell + self.cell // 2


def confusion_picture(counts_KK: Tensor, class_names: Sequence[str], part: str) -> Pixels:
    """Draw counts, and each cell's share of its row in per cent and as colour. Returns `(height, width, 3)`.

    Args:
        counts_KK: counts, true class by row, predicted class by column.
        class_names: a name for each class; numbers are written where they do not fit in number.
        part: the split that was counted, for the title.
    """
    counts = counts_KK.detach().cpu().numpy()
    size = _layout(_all_names(class_names, len(counts)))
    names = [shortened(name, MAX_NAME, size.names) for name in _all_names(class_names, len(counts))]
    title, note = _title(counts, part), _note(size)
    width = max(size.left + size.side, MARGIN + text_width(title, TITLE_SIZE)) + MARGIN
    picture = Image.new("RGB", (width, size.top + size.side + MARGIN), PAPER)
    draw = ImageDraw.Draw(picture)
    draw.text((MARGIN, MARGIN), title, fill=INK, font=font(TITLE_SIZE))
    draw.text((MARGIN, MARGIN + 24), note, fill=GREY, font=font(NOTE_SIZE))
    _write_axes(picture, size)
    _write_names(picture, names, size)
    _draw_cells(draw, counts, size)
    return np.asarray(picture)


def _all_names(class_names: Sequence[str], num_classes: int) -> list[str]:
    known = class_names if len(class_names) == num_classes else range(num_classes)
    return [visible(str(name)) for name in known]


def _layout(names: list[str]) -> Layout:
    """Room for a count and a percentage in each cell; colour alone where there are too many."""
    cell, text, name_size = (62, 16, 15) if len(names) <= 12 else (40, 12, 12)
    if len(names) > 30:
        cell, text, name_size = max(8, 1000 // len(names)), 0, 10
    widest = min(MAX_NAME, max(text_width(name, name_size) for name in names))
    are_turned = widest > cell - 6
    return Layout(
        cell=cell,
        text=text,
        names=name_size,
        are_turned=are_turned,
        left=SIDE_WIDTH + widest,
        top=HEAD_HEIGHT + 8 + (widest if are_turned else name_size),
        side=len(names) * cell,
    )


def _title(counts_KK: NDArray[np.integer], part: str) -> str:
    total, right = int(counts_KK.sum()), int(np.trace(counts_KK))
    share = f", {right:,} correct ({right / total:.2%})" if total else ""
    return f"Confusion on {part}: {total:,} samples{share}"


def _note(size: Layout) -> str:
    share = "share of the true class (row)"
    return f"cells: count and {share}" if size.text else f"colour: {share}"


def _write_axes(picture: Image.Image, size: Layout) -> None:
    place = (size.left + max(size.side // 2, 30), HEAD_HEIGHT - 22)
    ImageDraw.Draw(picture).text(place, "predicted", fill=GREY, font=font(NOTE_SIZE), anchor="mm")
    _write_upwards(picture, "true", (MARGIN + 8, size.top + size.side // 2 + 14), NOTE_SIZE, GREY)


def _write_names(picture: Image.Image, names: list[str], size: Layout) -> None:
    draw, face = ImageDraw.Draw(picture), font(size.names)
    step = -(-(size.names + 2) // size.cell)  # names taller than a row would overlap: leave some out
    for index in range(0, len(names), step):
        x, y = size.left + size.centre(index), size.top + size.centre(index)
        draw.text((size.left - 8, y), names[index], fill=INK, font=face, anchor="rm")
        if size.are_turned:
            _write_upwards(picture, names[index], (x, size.top - 6), size.names, INK)
        else:
            draw.text((x, size.top - 6), names[index], fill=INK, font=face, anchor="ms")


def _write_upwards(picture: Image.Image, text: str, foot: tuple[int, int], size: int, ink: Colour) -> None:
    """Write from bottom to top, beginning at `foot`."""
    line = Image.new("RGB", (text_width(text, size) + 2, size + 6), PAPER)
    ImageDraw.Draw(line).text((0, (size + 6) // 2), text, fill=ink, font=font(size), anchor="lm")
    turned = line.rotate(90, expand=True)
    picture.paste(turned, (foot[0] - turned.width // 2, foot[1] - turned.height))


def _draw_cells(draw: ImageDraw.ImageDraw, counts_KK: NDArray[np.integer], size: Layout) -> None:
    shares_KK = counts_KK / np.maximum(counts_KK.sum(axis=1, keepdims=True), 1)
    # The root lifts the few per cent of a confusion out of the white, which is what one looks for.
    colours = sequential(np.sqrt(shares_KK))
    for row, column in np.ndindex(*counts_KK.shape):
        x, y = size.left + column * size.cell, size.top + row * size.cell
        fill = tuple(int(value) for value in colours[row, column])
        draw.rectangle((x, y, x + size.cell, y + size.cell), fill=fill, outline=LINE if size.text else None)
        if size.text and counts_KK[row, column]:
            middle = (x + size.cell // 2, y + size.cell // 2)
            _write_cell(draw, middle, int(counts_KK[row, column]), float(shares_KK[row, column]), size)
    corner = (size.left, size.top, size.left + size.side, size.top + size.side)
    draw.rectangle(corner, outline=LINE)


def _write_cell(
    draw: ImageDraw.ImageDraw, middle: tuple[int, int], count: int, share: float, size: Layout
) -> None:
    (x, y), ink = middle, PAPER if share > 0.15 else INK
    room = (size.cell - 6) / text_width(str(count), size.text)
    large, small = int(size.text * min(1.0, room)), max(9, size.text * 3 // 4)
    draw.text((x, y - size.cell // 8), str(count), fill=ink, font=font(max(7, large)), anchor="mm")
    draw.text((x, y + size.cell // 4), percent(share), fill=ink, font=font(small), anchor="mm")


def percent(share: float) -> str:
    """A whole percentage that does not round a few away, nor a few in.

    >>> percent(0.004), percent(0.5), percent(0.996), percent(1.0)
    ('<1%', '50%', '>99%', '100%')
    """
    if 0.995 <= share < 1:
        return ">99%"
    return "<1%" if share < 0.005 else f"{share:.0%}"
