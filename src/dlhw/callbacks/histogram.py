"""Histograms of tensors, cheap enough to make during training."""

from dataclasses import dataclass

import numpy as np
from torch import Tensor

BINS = 64


@dataclass(frozen=True)
class Histogram:
    """What TensorBoard stores of a distribution; `limits` are the right edges of the bins."""

    min: float
    max: float
    num: int
    sum: float
    sum_squares: float
    limits: list[float]
    counts: list[int]


def histogram(tensor: Tensor) -> Histogram | None:
    """Count the finite numbers of a tensor in bins of equal width; None when there is none."""
    values = tensor.detach().cpu().double().numpy().ravel()
    values = values[np.isfinite(values)]
    if values.size == 0:
        return None
    low, high = float(values.min()), float(values.max())
    # Equal values have no width to divide; numpy would invent one.
    counts, edges = (
        np.histogram(values, bins=BINS, range=(low, high)) if low < high else ([values.size], [0, high])
    )
    return Histogram(
        min=low,
        max=high,
        num=values.size,
        sum=float(values.sum()),
        sum_squares=float(values @ values),
        limits=[float(edge) for edge in edges[1:]],
        counts=[int(count) for count in counts],
    )
