"""The confusion matrix as an image: true class by row, predicted class by column.

Shapes: K classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from torch import Tensor

from dlhw.callbacks.drawing import Pixels, font, sequential, shortened, text_width
from dlhw.display import visible

MARGIN = 16
HEAD_HEIGHT = 96
SIDE_WIDTH = 48
MAX_NAME = 150
TITLE_SIZE, NOTE_SIZE = 17, 13
INK, GREY, LINE, PAPER = (30, 30, 30), (110, 110, 110), (215, 215, 215), (255, 255, 255)

Colour = tuple[int, ...]


@dataclass(frozen=True)
class MatrixLayout:
    """Sizes and positions in pixels.

    Args:
        cell: side of a cell.
        text: font size in a cell; 0: no text.
        names: font size of the class names.
        are_rotated: whether the names of the columns are written upwards.
        left: of the first cell.
        top: of the first cell.
        side: of the whole matrix.
    """

    cell: int
    text: int
    names: int
    are_rotated: bool
    left: int
    top: int
    side: int

    def centre(self, index: int) -> int:
        """Middle of a row or column, measured from the first cell."""
        return index * self.cell + self.cell // 2


def confusion_image(counts_KK: Tensor, class_names: Sequence[str], split: str) -> Pixels:
    """Draw the count of each cell, and its share of the row as a percentage and as a colour.

    Args:
        counts_KK: counts, true class by row, predicted class by column.
        class_names: a name for each class; class numbers are written if there are more or fewer than K.
        split: whose samples were counted, for the title.

    Returns:
        `(height, width, 3)`.
    """
    counts = counts_KK.detach().cpu().numpy()
    layout = _layout(_all_names(class_names, len(counts)))
    names = [shortened(name, MAX_NAME, layout.names) for name in _all_names(class_names, len(counts))]
    title, note = _title(counts, split), _note(layout)
    width = max(layout.left + layout.side, MARGIN + text_width(title, TITLE_SIZE)) + MARGIN
    image = Image.new("RGB", (width, layout.top + layout.side + MARGIN), PAPER)
    draw = ImageDraw.Draw(image)
    draw.text((MARGIN, MARGIN), title, fill=INK, font=font(TITLE_SIZE))
    draw.text((MARGIN, MARGIN + 24), note, fill=GREY, font=font(NOTE_SIZE))
    _write_axes(image, layout)
    _write_names(image, names, layout)
    _draw_cells(draw, counts, layout)
    return np.asarray(image)


def _all_names(class_names: Sequence[str], num_classes: int) -> list[str]:
    names = class_names if len(class_names) == num_classes else range(num_classes)
    return [visible(str(name)) for name in names]


def _layout(names: list[str]) -> MatrixLayout:
    """Up to 30 classes get a count and a percentage in each cell; more get colours only."""
    cell, text, name_size = (62, 16, 15) if len(names) <= 12 else (40, 12, 12)
    if len(names) > 30:
        cell, text, name_size = max(8, 1000 // len(names)), 0, 10
    widest = min(MAX_NAME, max(text_width(name, name_size) for name in names))
    are_rotated = widest > cell - 6
    return MatrixLayout(
        cell=cell,
        text=text,
        names=name_size,
        are_rotated=are_rotated,
        left=SIDE_WIDTH + widest,
        top=HEAD_HEIGHT + 8 + (widest if are_rotated else name_size),
        side=len(names) * cell,
    )


def _title(counts_KK: NDArray[np.integer], split: str) -> str:
    total, correct = int(counts_KK.sum()), int(np.trace(counts_KK))
    share = f", {correct:,} correct ({correct / total:.2%})" if total else ""
    return f"Confusion on {split}: {total:,} samples{share}"


def _note(layout: MatrixLayout) -> str:
    share = "share of the true class (row)"
    return f"cells: count and {share}" if layout.text else f"colour: {share}"


def _write_axes(image: Image.Image, layout: MatrixLayout) -> None:
    position = (layout.left + max(layout.side // 2, 30), HEAD_HEIGHT - 22)
    ImageDraw.Draw(image).text(position, "predicted", fill=GREY, font=font(NOTE_SIZE), anchor="mm")
    _write_upwards(image, "true", (MARGIN + 8, layout.top + layout.side // 2 + 14), NOTE_SIZE, GREY)


def _write_names(image: Image.Image, names: list[str], layout: MatrixLayout) -> None:
    draw, face = ImageDraw.Draw(image), font(layout.names)
    step = -(-(layout.names + 2) // layout.cell)  # skip names where those taller than a row would overlap
    for index in range(0, len(names), step):
        x, y = layout.left + layout.centre(index), layout.top + layout.centre(index)
        draw.text((layout.left - 8, y), names[index], fill=INK, font=face, anchor="rm")
        if layout.are_rotated:
            _write_upwards(image, names[index], (x, layout.top - 6), layout.names, INK)
        else:
            draw.text((x, layout.top - 6), names[index], fill=INK, font=face, anchor="ms")


def _write_upwards(image: Image.Image, text: str, foot: tuple[int, int], size: int, ink: Colour) -> None:
    """Write from bottom to top, starting at `foot`."""
    line = Image.new("RGB", (text_width(text, size) + 2, size + 6), PAPER)
    ImageDraw.Draw(line).text((0, (size + 6) // 2), text, fill=ink, font=font(size), anchor="lm")
    rotated = line.rotate(90, expand=True)
    image.paste(rotated, (foot[0] - rotated.width // 2, foot[1] - rotated.height))


def _draw_cells(draw: ImageDraw.ImageDraw, counts_KK: NDArray[np.integer], layout: MatrixLayout) -> None:
    shares_KK = counts_KK / np.maximum(counts_KK.sum(axis=1, keepdims=True), 1)
    # The square root makes confusions of a few per cent visible.
    colours = sequential(np.sqrt(shares_KK))
    for row, column in np.ndindex(*counts_KK.shape):
        x, y = layout.left + column * layout.cell, layout.top + row * layout.cell
        fill = tuple(int(value) for value in colours[row, column])
        draw.rectangle(
            (x, y, x + layout.cell, y + layout.cell), fill=fill, outline=LINE if layout.text else None
        )
        if layout.text and counts_KK[row, column]:
            middle = (x + layout.cell // 2, y + layout.cell // 2)
            _write_cell(draw, middle, int(counts_KK[row, column]), float(shares_KK[row, column]), layout)
    corner = (layout.left, layout.top, layout.left + layout.side, layout.top + layout.side)
    draw.rectangle(corner, outline=LINE)


def _write_cell(
    draw: ImageDraw.ImageDraw, middle: tuple[int, int], count: int, share: float, layout: MatrixLayout
) -> None:
    (x, y), ink = middle, PAPER if share > 0.15 else INK
    scale = (layout.cell - 6) / text_width(str(count), layout.text)
    large, small = int(layout.text * min(1.0, scale)), max(9, layout.text * 3 // 4)
    draw.text((x, y - layout.cell // 8), str(count), fill=ink, font=font(max(7, large)), anchor="mm")
    draw.text((x, y + layout.cell // 4), percent(share), fill=ink, font=font(small), anchor="mm")


def percent(share: float) -> str:
    """A whole percentage, which does not round a small share to 0 % nor a large one to 100 %.

    >>> percent(0.004), percent(0.5), percent(0.996), percent(1.0)
    ('<1%', '50%', '>99%', '100%')
    """
    if 0.995 <= share < 1:
        return ">99%"
    return "<1%" if share < 0.005 else f"{share:.0%}"
