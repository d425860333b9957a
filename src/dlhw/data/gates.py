"""Logic gates of two inputs, as four points."""

import numpy as np

from dlhw.config.data import GatesConfig
from dlhw.data.raw import Place, RawData, RawPart

POINTS_NI = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=np.float64)
TRUTH: dict[str, list[int]] = {
    "and": [0, 0, 0, 1],
    "or": [0, 1, 1, 1],
    "xor": [0, 1, 1, 0],
    "nand": [1, 1, 1, 0],
    "nor": [1, 0, 0, 0],
}


def make_gates(config: GatesConfig, seed: int | None = None) -> RawData:
    """The truth table of `data.gate` as (4, 2) inputs and (4,) labels; nothing is drawn.

    >>> make_gates(GatesConfig()).pool.targets
    array([0, 1, 1, 0])
    """
    labels_N = np.array(TRUTH[config.gate], dtype=np.int64)
    pool = RawPart(POINTS_NI.copy(), labels_N, Place("data=gates"))
    return RawData(pool, class_names=["false", "true"], is_generated=True)
