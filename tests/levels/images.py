"""MNIST and Fashion-MNIST, read from their IDX files and split as in the experiments' recipes."""

import gzip
import os
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

FASHION_DIR = Path("/usr/share/datasets/fashion-mnist")


class Images(NamedTuple):
    """Flattened, scaled images and their labels."""

    x_NI: Tensor
    y_N: Tensor


class Splits(NamedTuple):
    """Training and validation images of a program."""

    train: Images
    val: Images


def _read(path: Path) -> np.ndarray:
    """The bytes of an IDX file, or of its .gz copy if there is no other, in the shape of its header."""
    content = path.read_bytes() if path.exists() else gzip.decompress(Path(f"{path}.gz").read_bytes())
    dims = content[3]
    shape = np.frombuffer(content, ">u4", dims, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * dims).reshape(*shape)


def _raw(folder: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    images_NHW = _read(folder / f"{split}-images-idx3-ubyte")
    labels_N = _read(folder / f"{split}-labels-idx1-ubyte")
    return images_NHW.reshape(len(images_NHW), -1), labels_N


def _mnist(split: str) -> tuple[np.ndarray, np.ndarray]:
    return _raw(Path(os.environ.get("DLHW_DATA_DIR", "data"), "MNIST", "raw"), split)


def _images(pixels_NI: np.ndarray, labels_N: np.ndarray) -> Images:
    return Images(torch.from_numpy(pixels_NI), torch.from_numpy(labels_N.astype(np.int64)))


@cache
def cs7643() -> Splits:
    """The first 48,000 training images of MNIST for training, the last 12,000 for validation; pixels / 255."""
    pixels_NI, labels_N = _mnist("train")
    x_NI = (pixels_NI / 255).astype(np.float32)
    return Splits(_images(x_NI[:48_000], labels_N[:48_000]), _images(x_NI[48_000:], labels_N[48_000:]))


@cache
def tdt4265() -> Splits:
    """The first 20,000 training images of MNIST for training, the test set for validation; pixels in [-1, 1]."""
    (train_NI, train_N), (test_NI, test_N) = _mnist("train"), _mnist("t10k")
    train_NI, train_N = train_NI[:20_000], train_N[:20_000]
    train, test = ((pixels / 127.5 - 1).astype(np.float32) for pixels in (train_NI, test_NI))
    return Splits(_images(train, train_N), _images(test, test_N))


@cache
def twos_and_threes() -> Splits:
    """The twos (class 1) and the threes (class 0) of `tdt4265`, in float64."""
    return Splits(*(_choose(images, [3, 2], torch.float64) for images in tdt4265()))


@cache
def ist_on_fashion() -> Splits:
    """Pullovers, dresses, coats and shirts among 9,000 images: 2,048 for training, 1,024 for validation; pixels / 256."""
    packed = Path(os.environ.get("DLHW_DATA_DIR", "data"), "FashionMNIST", "raw")
    pixels_NI, labels_N = _raw(packed if packed.is_dir() else FASHION_DIR, "train")
    of_limit = _images((pixels_NI[:9_000] / 256).astype(np.float32), labels_N[:9_000])
    x_NI, y_N = _choose(of_limit, [2, 3, 4, 6], torch.float32)
    return Splits(Images(x_NI[:2_048], y_N[:2_048]), Images(x_NI[2_048:3_072], y_N[2_048:3_072]))


def _choose(images: Images, classes: list[int], dtype: torch.dtype) -> Images:
    """The images of some classes in their order, labelled by their index in `classes`."""
    kept = [n for n, label in enumerate(images.y_N.tolist()) if label in classes]
    labels = [classes.index(label) for label in images.y_N[kept].tolist()]
    return Images(images.x_NI[kept].to(dtype), torch.tensor(labels))
