"""Config group `data`: data sets that are read from files. `data_base` has what all data sets share."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar

from dlhw.config.data_base import DataConfig, Inputs, Normalize, Order, SplitConfig, Statistics, Task
from dlhw.config.fields import file, location
from dlhw.config.group import at_least, does_nothing
from dlhw.environment_checks import expanded, shared_folders

__all__ = [
    "CSVConfig", "DataConfig", "DigitsConfig", "FashionMNISTConfig", "IdxImagesConfig", "Inputs",
    "MNISTConfig", "NPZConfig", "Normalize", "OctMNISTConfig", "Order", "SplitConfig", "Statistics",
    "TableConfig", "Task",
]  # fmt: skip

# Where Debian's package dataset-fashion-mnist puts its files, below /usr/share.
INSTALLED = "datasets/fashion-mnist"


@dataclass(kw_only=True)
class DigitsConfig(DataConfig):
    """The 1,797 real 8x8 digit images that come with scikit-learn; no download."""

    builder = "dlhw.data.image_sets:load_digits"
    input_shape = (1, 8, 8)
    name: str = "digits"

    def files(self) -> dict[str, Path]:
        """The file inside scikit-learn, which is found without an import, as that takes a second."""
        package = find_spec("sklearn")
        folders = (package.submodule_search_locations or []) if package else []
        paths = [Path(folder, "datasets", "data", "digits.csv.gz") for folder in folders]
        return dict([("all", path) for path in paths if path.is_file()][:1])

    def all_classes(self) -> int:
        return 10


@dataclass(kw_only=True)
class IdxImagesConfig(DataConfig):
    """28x28 grey images in IDX files, the format of MNIST: 60,000 for training, 10,000 for test."""

    input_shape = (1, 28, 28)
    is_downloaded = True
    folder: ClassVar[str] = "MNIST"
    root: str = location("data")
    """folder that holds MNIST/raw or FashionMNIST/raw, as torchvision lays it out"""
    download: bool = location(True)
    """fetch missing files (checked by MD5)"""
    mirror: str | None = location(None)
    """base URL to fetch from instead of the usual mirrors"""

    def files(self) -> dict[str, Path]:
        """The four files; a gzip-compressed one where there is no plain file."""
        raw = expanded(self.root) / self.folder / "raw"
        kinds = {"images": "images-idx3-ubyte", "labels": "labels-idx1-ubyte"}
        plain = {
            f"{split}-{kind}": raw / f"{split}-{ending}"
            for split in ("train", "t10k")
            for kind, ending in kinds.items()
        }
        return {name: _packed_or_plain(path) for name, path in plain.items()}

    def all_classes(self) -> int:
        return 10

    def brings_test(self) -> bool:
        return True


def _packed_or_plain(path: Path) -> Path:
    packed = path.with_name(f"{path.name}.gz")
    return packed if os.path.exists(packed) and not os.path.exists(path) else path


@dataclass(kw_only=True)
class MNISTConfig(IdxImagesConfig):
    """MNIST handwritten digits."""

    builder = "dlhw.data.image_sets:load_mnist"
    name: str = "mnist"


@dataclass(kw_only=True)
class FashionMNISTConfig(IdxImagesConfig):
    """Fashion-MNIST clothing images."""

    folder: ClassVar[str] = "FashionMNIST"
    builder = "dlhw.data.image_sets:load_fashion_mnist"
    name: str = "fashion_mnist"

    def files(self) -> dict[str, Path]:
        """The four files; one that is not in `data.root` is taken from where a system package installs it."""
        return {name: _or_installed(path) for name, path in super().files().items()}


def _or_installed(path: Path) -> Path:
    if os.path.exists(path):
        return path
    installed = (Path(folder, INSTALLED, f"{path.name}.gz") for folder in shared_folders())
    return next((file for file in installed if os.path.exists(file)), path)


@dataclass(kw_only=True)
class OctMNISTConfig(DataConfig):
    """OctMNIST of MedMNIST: 28x28 retinal images, 4 classes, with its own train, val and test splits."""

    builder = "dlhw.data.image_sets:load_octmnist"
    input_shape = (1, 28, 28)
    is_downloaded = True
    name: str = "octmnist"
    root: str = location("data")
    """folder that holds octmnist.npz"""
    download: bool = location(True)
    """fetch the file when it is missing (checked by MD5)"""
    mirror: str | None = location(None)
    """base URL to fetch from instead of the publisher's"""

    def files(self) -> dict[str, Path]:
        return {"all": expanded(self.root) / "octmnist.npz"}

    def all_classes(self) -> int:
        return 4

    def brings_val(self) -> bool:
        return True

    def brings_test(self) -> bool:
        return True


@dataclass(kw_only=True)
class TableConfig(DataConfig):
    """The user's own files; what the targets are is only known when they are read."""

    is_own = True
    task: Task | None = None
    """classification: class labels; regression: real numbers; null: regression if the loss or the model
    needs it (such as a squared error), else classification"""
    num_classes: int | None = None
    """number of classes; null: the largest label + 1, or the number of distinct names"""

    def task_kind(self) -> Task:
        return self.task or Task.classification

    def all_classes(self) -> int | None:
        return self.num_classes

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        if self.num_classes is not None:
            yield from at_least("data.num_classes", self.num_classes, 2)
            if self.task_kind() is Task.regression:
                yield does_nothing(f"data.num_classes={self.num_classes}", "data.task=classification")


@dataclass(kw_only=True)
class CSVConfig(TableConfig):
    """Comma-separated files with a header; the last column is the target unless `target` names one."""

    builder = "dlhw.data.csv:load_csv"
    name: str = "csv"
    train: str = file("???")
    """path of the training file"""
    val: str | None = file(None)
    """file of the validation split; null: cut from the training pool"""
    test: str | None = file(None)
    """file of the test split; null: cut from the training pool"""
    target: str | None = None
    """name of the target column; null: the last column"""
    num_train: int | None = None
    """rows of the training file; its name may refer to this key: data.train='n${data.num_train}.csv'"""

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        if self.num_train is not None:
            yield from at_least("data.num_train", self.num_train, 1)
        for split, path in (("val", self.val), ("test", self.test)):
            if path is not None and path == self.train:
                yield f"data.{split} must be another file than data.train, got {path} for both"
        if self.val is not None and self.val == self.test:
            yield (
                f"data.val must be another file than data.test, got {self.val} for both: "
                "the test set stays out of every choice"
            )

    def brings_val(self) -> bool:
        return self.val is not None

    def brings_test(self) -> bool:
        return self.test is not None


class Layout(StrEnum):
    """Order of the axes of images in an array."""

    auto = "auto"
    chw = "chw"
    hwc = "hwc"


@dataclass(kw_only=True)
class NPZConfig(TableConfig):
    """A NumPy archive with arrays x and y, or train_x and train_y (and optionally val_*, test_*)."""

    builder = "dlhw.data.npz:load_npz"
    name: str = "npz"
    path: str = file("???")
    """path of the archive; it is never unpickled"""
    layout: Layout = Layout.auto
    """order of the axes of images in x. chw: (n, C, H, W), as in PyTorch; hwc: (n, H, W, C), as in most image
    libraries; auto: chw, but refuse an array that looks like hwc"""

    def files(self) -> dict[str, Path]:
        return {"all": expanded(self.path)}

    def brings_val(self) -> None:
        return None

    def brings_test(self) -> None:
        return None
