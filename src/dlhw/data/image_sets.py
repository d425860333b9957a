"""Named image data sets: MNIST, Fashion-MNIST, OctMNIST and the digits of scikit-learn."""

import gzip
import hashlib
from functools import partial
from pathlib import Path

import numpy as np

from dlhw.config.data import INSTALLED, DigitsConfig, IdxImagesConfig, OctMNISTConfig
from dlhw.data.checks import to_labels
from dlhw.data.download import RemoteFile, obtain
from dlhw.data.formats import Archive, read_idx, reading
from dlhw.data.raw import RawData, RawSplit, SourceLocation
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
    """Read MNIST below `data.root`, downloading missing files.

    Raises:
        DataError: a file is missing or damaged.
    """
    return _load_idx(config, [str(digit) for digit in range(10)])


def load_fashion_mnist(config: IdxImagesConfig) -> RawData:
    """Read Fashion-MNIST below `data.root` or where a system package installs it, downloading missing files.

    Raises:
        DataError: a file is missing or damaged, or an installed file is not the published one.
    """
    for path in config.files().values():
        if path.match(f"{INSTALLED}/*"):
            _check_installed(path)
    return _load_idx(config, FASHION_NAMES)


def _load_idx(config: IdxImagesConfig, class_names: list[str]) -> RawData:
    files = config.files()
    splits = []
    for split in ("train", "t10k"):  # in order, so that the error names the first wrong file
        images, labels = files[f"{split}-images"], files[f"{split}-labels"]
        _obtain_idx(config, images)
        _obtain_idx(config, labels)
        splits.append(_read_idx_split(images, labels))
    train, test = splits
    return RawData(train, {"test": test}, max_value=255, class_names=class_names)


def _check_installed(path: Path) -> None:
    """A package may have compressed the published files again; their content must be the same."""
    with reading(path):
        md5 = hashlib.md5(gzip.decompress(path.read_bytes()), usedforsecurity=False).hexdigest()
    if md5 != FASHION_MD5[path.stem]:
        raise DataError(
            f"{path} is not the published file: the MD5 of its content is {md5}, must be "
            f"{FASHION_MD5[path.stem]}; put the published files into data.root, FashionMNIST/raw"
        )


def _obtain_idx(config: IdxImagesConfig, path: Path) -> None:
    """Download a file if it is missing."""
    remedy = f"put it there, point data.root (or DLHW_DATA_DIR) to the folder that holds {config.folder}/raw"
    find_remote = partial(_remote_idx, config.folder, f"{path.name}.gz", config.mirror)
    obtain(path, find_remote, config.download, remedy)


def _remote_idx(dataset: str, packed_name: str, mirror: str | None) -> RemoteFile:
    import torchvision.datasets  # slow to import, and needed for a download only

    published = getattr(torchvision.datasets, dataset)
    mirrors = published.mirrors if mirror is None else [mirror]
    urls = tuple(f"{url.rstrip('/')}/{packed_name}" for url in mirrors)
    return RemoteFile(urls, dict(published.resources)[packed_name], gzipped=True)


def _read_idx_split(images_path: Path, labels_path: Path) -> RawSplit:
    images_NHW, labels_N = read_idx(images_path, 3), read_idx(labels_path, 1)
    if images_NHW.shape[1:] != IMAGE_SIZE:
        height, width = images_NHW.shape[1:]
        raise DataError(f"{images_path} must hold 28x28 images, got {height}x{width}")
    if len(images_NHW) != len(labels_N):
        raise DataError(
            f"{images_path} holds {len(images_NHW)} images, but {labels_path} {len(labels_N)} labels"
        )
    return RawSplit(images_NHW[:, None], labels_N.astype("int64"), SourceLocation(labels_path))


OCTMNIST_FILE = "octmnist.npz"
OCTMNIST_URL = "https://zenodo.org/records/10519652/files/octmnist.npz?download=1"
OCTMNIST_MD5 = "c68d92d5b585d8d81f7112f81e2d0842"
OCTMNIST_NAMES = ["choroidal neovascularization", "diabetic macular edema", "drusen", "normal"]


def load_octmnist(config: OctMNISTConfig) -> RawData:
    """Read octmnist.npz below `data.root`, downloading it if it is missing.

    Source: Yang et al., MedMNIST v2, Scientific Data 10 (2023).

    Raises:
        DataError: the file is missing, damaged, or of another form.
    """
    path = config.files()["all"]
    remedy = f"put it there, point data.root (or DLHW_DATA_DIR) to the folder that holds {OCTMNIST_FILE}"
    obtain(path, partial(_remote_octmnist, config.mirror), config.download, remedy)
    with Archive(path) as archive:
        archive.require(
            f"{split}_{array}" for split in ("train", "val", "test") for array in ("images", "labels")
        )
        splits = {split: _read_octmnist_split(archive, split) for split in ("train", "val", "test")}
    return RawData(splits.pop("train"), splits, max_value=255, class_names=OCTMNIST_NAMES)


def _remote_octmnist(mirror: str | None) -> RemoteFile:
    url = OCTMNIST_URL if mirror is None else f"{mirror.rstrip('/')}/{OCTMNIST_FILE}"
    return RemoteFile((url,), OCTMNIST_MD5)


def _read_octmnist_split(archive: Archive, split: str) -> RawSplit:
    images_NHW, labels = archive.read(f"{split}_images"), archive.read(f"{split}_labels")
    location = SourceLocation(archive.path, f"{split}_labels")
    if images_NHW.dtype != np.uint8 or images_NHW.shape[1:] != (28, 28):
        raise DataError(
            f"{archive.path}, array {split}_images must hold 28x28 images of uint8, "
            f"got shape {images_NHW.shape} of {images_NHW.dtype}"
        )
    if labels.shape not in ((len(images_NHW),), (len(images_NHW), 1)):
        raise DataError(
            f"{archive.path}, array {split}_labels must hold one label for each of the "
            f"{len(images_NHW)} images, got shape {labels.shape}"
        )
    return RawSplit(images_NHW[:, None], to_labels(labels.reshape(-1), location), location)


def load_digits(config: DigitsConfig) -> RawData:
    """Grey values 0 to 16 as (1797, 1, 8, 8), labels 0 to 9."""
    rows = _digit_rows(config)
    images_NCHW = rows[:, :64].reshape(-1, 1, 8, 8).astype(np.uint8)
    pool = RawSplit(images_NCHW, rows[:, 64].astype(np.int64), SourceLocation("scikit-learn's digits"))
    return RawData(pool, max_value=16)


def _digit_rows(config: DigitsConfig) -> np.ndarray:
    """One row per image: 64 pixels and the label.

    The file is read directly from the package: importing `sklearn.datasets` takes 0.9 s, mostly for
    scipy.stats, and a default run may take 4 s to its first step.
    """
    for path in config.files().values():
        return np.loadtxt(path, delimiter=",")
    from sklearn.datasets import load_digits as load  # wherever this version stores it

    bunch = load()
    return np.column_stack([bunch.data, bunch.target])
