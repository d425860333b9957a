"""Numbers as colours."""

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]

WHITE = np.array([255.0, 255.0, 255.0])
BLUE = np.array([33.0, 102.0, 172.0])
RED = np.array([178.0, 24.0, 43.0])
NAVY = np.array([8.0, 48.0, 107.0])


def diverging(values: NDArray[np.floating], limit: float) -> Pixels:
    """Blue for -limit, white for 0, red for +limit; beyond, the end colours. Adds a last axis of 3."""
    share = np.clip(values / limit, -1.0, 1.0)[..., None] if limit > 0 else np.zeros((*values.shape, 1))
    end = np.where(share < 0, BLUE, RED)
    return np.rint(WHITE + np.abs(share) * (end - WHITE)).astype(np.uint8)


def sequential(shares: NDArray[np.floating]) -> Pixels:
    """White for 0 to dark blue for 1, by way of the middle blue. Adds a last axis of 3."""
    share = np.clip(shares, 0.0, 1.0)[..., None]
    low = WHITE + 2 * share * (BLUE - WHITE)
    high = BLUE + (2 * share - 1) * (NAVY - BLUE)
    return np.rint(np.where(share < 0.5, low, high)).astype(np.uint8)
