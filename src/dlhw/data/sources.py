"""The samples of a data set: read from its files, or generated."""

from dlhw.config.data_base import DataConfig
from dlhw.config.registry import import_builder
from dlhw.data.raw import RawData


def read_source(config: DataConfig, seed: int | None) -> RawData:
    """All samples of a data set, as its files or its generator give them.

    Args:
        config: of any data set.
        seed: of a generator that draws.

    Raises:
        DataError: a file is missing or damaged.
    """
    builder = import_builder(config)
    data: RawData = builder(config, seed) if config.is_generated else builder(config)
    return data
