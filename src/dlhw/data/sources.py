"""All data sources, by the name that their config carries."""

from collections.abc import Callable
from typing import Any

from dlhw.data.csv import load_csv
from dlhw.data.digits import load_digits
from dlhw.data.mnist import load_fashion_mnist, load_mnist
from dlhw.data.npz import load_npz
from dlhw.data.octmnist import load_octmnist
from dlhw.data.raw import RawData

Source = Callable[[Any], RawData]
"""Takes its own kind of DataConfig."""

SOURCES: dict[str, Source] = {
    "digits": load_digits,
    "mnist": load_mnist,
    "fashion_mnist": load_fashion_mnist,
    "octmnist": load_octmnist,
    "csv": load_csv,
    "npz": load_npz,
}
