"""Poolings in compiled code, image by image; the formulas are those of `dlhw.nn.pooling`."""

from typing import Any

from dlhw.kernels.abi import CHANNELS, FAN_IN, HEIGHT, KERNEL, OUT_HEIGHT, OUT_WIDTH, STRIDE, WIDTH
from dlhw.kernels.affine import fill
from dlhw.kernels.numba_support import compiled, offset


@compiled
def area_of(kernel: int, one: Any) -> Any:
    """k k as the floating-point type of `one`."""
    area = one - one
    for _ in range(kernel * kernel):
        area += one
    return area


@compiled
def first_largest(window: Any, width: int, kernel: int) -> int:
    """Place of the largest pixel of a window, row by row the first of equal ones, NaN above all."""
    found = 0
    for a in range(kernel):
        for b in range(kernel):
            value = window[a * width + b]
            if value > window[found] or value != value:
                found = a * width + b
    return found


@compiled
def forward_pooling(entry: Any, x: Any, h: Any, samples: int, is_max: bool, one: Any) -> None:
    """Largest or mean value of each window."""
    kernel, stride, height, width = entry[KERNEL], entry[STRIDE], entry[HEIGHT], entry[WIDTH]
    rows, places = entry[OUT_HEIGHT], entry[OUT_WIDTH]
    area = area_of(kernel, one)
    for plane in range(samples * entry[CHANNELS]):
        for row in range(rows):
            line = offset(x, (plane * height + row * stride) * width)
            out = offset(h, (plane * rows + row) * places)
            for place in range(places):
                window = offset(line, place * stride)
                if is_max:
                    out[place] = window[first_largest(window, width, kernel)]
                    continue
                out[place] = one - one
                for a in range(kernel):
                    for b in range(kernel):
                        out[place] += window[a * width + b]
                out[place] /= area


@compiled
def backward_pooling(entry: Any, x: Any, d: Any, dx: Any, samples: int, is_max: bool, one: Any) -> None:
    """To the largest pixel of each window, or in equal shares to all."""
    kernel, stride, height, width = entry[KERNEL], entry[STRIDE], entry[HEIGHT], entry[WIDTH]
    rows, places = entry[OUT_HEIGHT], entry[OUT_WIDTH]
    area = area_of(kernel, one)
    fill(dx, samples * entry[FAN_IN], one - one)
    for plane in range(samples * entry[CHANNELS]):
        for row in range(rows):
            start = (plane * height + row * stride) * width
            for place in range(places):
                value = d[(plane * rows + row) * places + place]
                to = offset(dx, start + place * stride)
                if is_max:
                    window = offset(x, start + place * stride)
                    to[first_largest(window, width, kernel)] += value
                    continue
                for a in range(kernel):
                    for b in range(kernel):
                        to[a * width + b] += value / area
