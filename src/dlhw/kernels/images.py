"""Windows of images in compiled code: as columns of a matrix, and back.

`entry` is the layer's row in the table (see `dlhw.kernels.codes`); an image is (C, H, W), its columns are
(C k k, Ho Wo).
"""

from typing import Any

from dlhw.kernels.codes import CHANNELS, HEIGHT, KERNEL, OUT_HEIGHT, OUT_WIDTH, PADDING, STRIDE, WIDTH
from dlhw.kernels.intrinsics import offset
from dlhw.kernels.jit import compiled


@compiled
def inside(side: int, positions: int, place: int, stride: int, padding: int) -> Any:
    """(first, one behind the last) window whose pixel at `place` lies in the image and not in its border."""
    first = 0 if place >= padding else (padding - place + stride - 1) // stride
    last = (side - 1 + padding - place) // stride + 1
    return first, max(first, min(last, positions))


@compiled
def windows_to_columns(image: Any, entry: Any, columns: Any, zero: Any) -> None:
    """columns <- the windows of one image, 0 in the border."""
    kernel, stride, padding = entry[KERNEL], entry[STRIDE], entry[PADDING]
    height, width, rows, places = entry[HEIGHT], entry[WIDTH], entry[OUT_HEIGHT], entry[OUT_WIDTH]
    for channel in range(entry[CHANNELS]):
        for a in range(kernel):
            for b in range(kernel):
                to = offset(columns, ((channel * kernel + a) * kernel + b) * rows * places)
                first, last = inside(width, places, b, stride, padding)
                for row in range(rows):
                    y, line = row * stride + a - padding, offset(to, row * places)
                    if y < 0 or y >= height:
                        for place in range(places):
                            line[place] = zero
                        continue
                    source = offset(image, (channel * height + y) * width + b - padding)
                    for place in range(first):
                        line[place] = zero
                    if stride == 1:  # apart, because it becomes vector instructions
                        for place in range(first, last):
                            line[place] = source[place]
                    else:
                        for place in range(first, last):
                            line[place] = source[place * stride]
                    for place in range(last, places):
                        line[place] = zero


@compiled
def add_columns_to_windows(columns: Any, entry: Any, image: Any) -> None:
    """image <- image + what the columns hold of each of its pixels: the adjoint of `windows_to_columns`."""
    kernel, stride, padding = entry[KERNEL], entry[STRIDE], entry[PADDING]
    height, width, rows, places = entry[HEIGHT], entry[WIDTH], entry[OUT_HEIGHT], entry[OUT_WIDTH]
    for channel in range(entry[CHANNELS]):
        for a in range(kernel):
            first_row, last_row = inside(height, rows, a, stride, padding)
            for b in range(kernel):
                source = offset(columns, ((channel * kernel + a) * kernel + b) * rows * places)
                first, last = inside(width, places, b, stride, padding)
                for row in range(first_row, last_row):
                    y, line = row * stride + a - padding, offset(source, row * places)
                    to = offset(image, (channel * height + y) * width + b - padding)
                    if stride == 1:
                        for place in range(first, last):
                            to[place] += line[place]
                    else:
                        for place in range(first, last):
                            to[place * stride] += line[place]
