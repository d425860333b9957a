"""OctMNIST: retinal images in four classes, with parts of its own."""

from functools import partial

import numpy as np

from dlhw.config.data import OctMNISTConfig
from dlhw.data.archive import Archive
from dlhw.data.download import Remote, obtain
from dlhw.data.labels import to_labels
from dlhw.data.raw import Place, RawData, RawPart
from dlhw.errors import DataError

FILE_NAME = "octmnist.npz"
PUBLISHED = "https://zenodo.org/records/10519652/files/octmnist.npz?download=1"
MD5 = "c68d92d5b585d8d81f7112f81e2d0842"
CLASS_NAMES = ["choroidal neovascularization", "diabetic macular edema", "drusen", "normal"]


def load_octmnist(config: OctMNISTConfig) -> RawData:
    """Read octmnist.npz below `data.root`, fetching it when it is missing.

    Source: Yang et al., MedMNIST v2, Scientific Data 10 (2023).

    Raises:
        DataError: the file is missing, damaged, or of another form.
    """
    path = config.files()["all"]
    remedy = f"put it there, point data.root (or DLHW_DATA_DIR) to the folder that holds {FILE_NAME}"
    obtain(path, partial(_remote, config.mirror), config.download, remedy)
    with Archive(path) as archive:
        archive.require(
            f"{part}_{array}" for part in ("train", "val", "test") for array in ("images", "labels")
        )
        parts = {part: _read_part(archive, part) for part in ("train", "val", "test")}
    return RawData(parts.pop("train"), parts, max_value=255, class_names=CLASS_NAMES)


def _remote(mirror: str | None) -> Remote:
    url = PUBLISHED if mirror is None else f"{mirror.rstrip('/')}/{FILE_NAME}"
    return Remote((url,), MD5)


def _read_part(archive: Archive, part: str) -> RawPart:
    images_NHW, labels = archive.read(f"{part}_images"), archive.read(f"{part}_labels")
    place = Place(archive.path, f"{part}_labels")
    if images_NHW.dtype != np.uint8 or images_NHW.shape[1:] != (28, 28):
        raise DataError(
            f"{archive.path}, array {part}_images must hold 28x28 images of uint8, "
            f"got shape {images_NHW.shape} of {images_NHW.dtype}"
        )
    if labels.shape not in ((len(images_NHW),), (len(images_NHW), 1)):
        raise DataError(
            f"{archive.path}, array {part}_labels must hold one label for each of the "
            f"{len(images_NHW)} images, got shape {labels.shape}"
        )
    return RawPart(images_NHW[:, None], to_labels(labels.reshape(-1), place), place)
