"""MNIST and Fashion-MNIST, from IDX files laid out as torchvision does."""

import gzip
import hashlib
from functools import partial
from pathlib import Path

from dlhw.config.data import INSTALLED, IdxImagesConfig
from dlhw.data.download import Remote, obtain
from dlhw.data.idx import read_idx
from dlhw.data.raw import Place, RawData, RawPart
from dlhw.data.reading import reading
from dlhw.errors import DataError

IMAGE_SIZE = (28, 28)
FASHION_NAMES = [
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
    "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
]  # fmt: skip
# Of the uncompressed files.
FASHION_MD5 = {
    "train-images-idx3-ubyte": "f4a8712d7a061bf5bd6d2ca38dc4d50a",
    "train-labels-idx1-ubyte": "9018921c3c673c538a1fc5bad174d6f9",
    "t10k-images-idx3-ubyte": "8181f5470baa50b63fa0f6fddb340f0a",
    "t10k-labels-idx1-ubyte": "15d484375f8d13e6eb1aabb0c3f46965",
}


def load_mnist(config: IdxImagesConfig) -> RawData:
    """Read MNIST below `data.root`, fetching what is missing.

    Raises:
        DataError: a file is missing or damaged.
    """
    return _load(config, [str(digit) for digit in range(10)])


def load_fashion_mnist(config: IdxImagesConfig) -> RawData:
    """Read Fashion-MNIST below `data.root` or where a system package installs it, fetching what is missing.

    Raises:
        DataError: a file is missing or damaged, or an installed one is not the published one.
    """
    for path in config.files().values():
        if path.match(f"{INSTALLED}/*"):
            _check_installed(path)
    return _load(config, FASHION_NAMES)


def _load(config: IdxImagesConfig, class_names: list[str]) -> RawData:
    files = config.files()
    parts = []
    for split in ("train", "t10k"):  # in order, so that the first file that is wrong is named
        images, labels = files[f"{split}-images"], files[f"{split}-labels"]
        _obtain(config, images)
        _obtain(config, labels)
        parts.append(_read_part(images, labels))
    train, test = parts
    return RawData(train, {"test": test}, max_value=255, class_names=class_names)


def _check_installed(path: Path) -> None:
    """A package may compress the published files anew; their content must be the same."""
    with reading(path):
        found = hashlib.md5(gzip.decompress(path.read_bytes()), usedforsecurity=False).hexdigest()
    if found != FASHION_MD5[path.stem]:
        raise DataError(
            f"{path} is not the published file: the MD5 of its content is {found}, must be "
            f"{FASHION_MD5[path.stem]}; put the published files into data.root, FashionMNIST/raw"
        )


def _obtain(config: IdxImagesConfig, path: Path) -> None:
    """Fetch a file that is missing."""
    remedy = f"put it there, point data.root (or DLHW_DATA_DIR) to the folder that holds {config.folder}/raw"
    find_remote = partial(_remote, config.folder, f"{path.name}.gz", config.mirror)
    obtain(path, find_remote, config.download, remedy)


def _remote(dataset: str, packed_name: str, mirror: str | None) -> Remote:
    import torchvision.datasets  # takes seconds, and is needed for a download only

    published = getattr(torchvision.datasets, dataset)
    mirrors = published.mirrors if mirror is None else [mirror]
    urls = tuple(f"{url.rstrip('/')}/{packed_name}" for url in mirrors)
    return Remote(urls, dict(published.resources)[packed_name], gzipped=True)


def _read_part(images_path: Path, labels_path: Path) -> RawPart:
    images_NHW, labels_N = read_idx(images_path, 3), read_idx(labels_path, 1)
    if images_NHW.shape[1:] != IMAGE_SIZE:
        height, width = images_NHW.shape[1:]
        raise DataError(f"{images_path} must hold 28x28 images, got {height}x{width}")
    if len(images_NHW) != len(labels_N):
        raise DataError(
            f"{images_path} holds {len(images_NHW)} images, but {labels_path} {len(labels_N)} labels"
        )
    return RawPart(images_NHW[:, None], labels_N.astype("int64"), Place(labels_path))
