"""All data sources, by the name that their config carries: files that are read, and samples that are made."""

from collections.abc import Callable
from typing import Any

from dlhw.config.data import DataConfig
from dlhw.data.csv import load_csv
from dlhw.data.generators import make_gates, make_interval, make_linear_teacher, make_triangle
from dlhw.data.image_sets import load_digits, load_fashion_mnist, load_mnist, load_octmnist
from dlhw.data.npz import load_npz
from dlhw.data.raw import RawData

Source = Callable[[Any], RawData]
"""Takes its own kind of DataConfig."""
Generator = Callable[[Any, int | None], RawData]
"""Takes its own kind of DataConfig, and the seed if it draws samples."""

SOURCES: dict[str, Source] = {
    "digits": load_digits,
    "mnist": load_mnist,
    "fashion_mnist": load_fashion_mnist,
    "octmnist": load_octmnist,
    "csv": load_csv,
    "npz": load_npz,
}
GENERATORS: dict[str, Generator] = {
    "gates": make_gates,
    "interval": make_interval,
    "triangle": make_triangle,
    "linear_teacher": make_linear_teacher,
}


def read_source(config: DataConfig, seed: int | None) -> RawData:
    """All samples of a data set, as its files or its generator give them.

    Args:
        config: of any data set.
        seed: of a generator that draws.

    Raises:
        DataError: a file is missing or damaged.
    """
    if config.name in GENERATORS:
        return GENERATORS[config.name](config, seed)
    return SOURCES[config.name](config)
