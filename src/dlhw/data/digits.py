"""The 1,797 handwritten 8x8 digits that scikit-learn carries."""

import numpy as np

from dlhw.config.data import DigitsConfig
from dlhw.data.raw import Place, RawData, RawPart


def load_digits(config: DigitsConfig) -> RawData:
    """Grey values 0 to 16 as (1797, 1, 8, 8), labels 0 to 9."""
    rows = _rows(config)
    images_NCHW = rows[:, :64].reshape(-1, 1, 8, 8).astype(np.uint8)
    pool = RawPart(images_NCHW, rows[:, 64].astype(np.int64), Place("scikit-learn's digits"))
    return RawData(pool, max_value=16)


def _rows(config: DigitsConfig) -> np.ndarray:
    """64 pixels and a label a row.

    The file is read as it lies in the package: importing `sklearn.datasets` takes 0.9 s of the 4 s that a
    default run may take to its first step, most of it for scipy.stats.
    """
    for path in config.files().values():
        return np.loadtxt(path, delimiter=",")
    from sklearn.datasets import load_digits as load  # wherever this version keeps it

    bunch = load()
    return np.column_stack([bunch.data, bunch.target])
