"""The 1,797 handwritten 8x8 digits that scikit-learn carries."""

import numpy as np

from dlhw.config.data import DigitsConfig
from dlhw.data.raw import Place, RawData, RawPart


def load_digits(config: DigitsConfig) -> RawData:
    """Grey values 0 to 16 as (1797, 1, 8, 8), labels 0 to 9; no file is read or fetched by us."""
    from sklearn.datasets import load_digits as load  # slow to import

    bunch = load()
    images_NCHW = bunch.images[:, None].astype(np.uint8)
    pool = RawPart(images_NCHW, bunch.target.astype(np.int64), Place("scikit-learn's digits"))
    return RawData(pool, max_value=16)
