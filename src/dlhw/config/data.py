"""Config group `data`: where samples come from, how they are split and scaled."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum, auto

from dlhw.config.group import Group, at_least


class Normalize(StrEnum):
    """How inputs are scaled; statistics come from the training part only."""

    none = auto()
    unit = auto()
    symmetric = auto()
    standardize = auto()


class Statistics(StrEnum):
    """Over what `standardize` (and `unit`, `symmetric` for an unknown range) takes statistics."""

    auto = "auto"
    all = "all"
    feature = "feature"


class Order(StrEnum):
    """How a pool of samples is laid out before it is cut into parts."""

    sequential = auto()
    permutation = auto()


class Task(StrEnum):
    """What the targets are."""

    classification = auto()
    regression = auto()


@dataclass(kw_only=True)
class SplitConfig(Group):
    """Parts of the training pool: an integer is a count, a float a fraction, null the rest (in one part).

    The pool is cut in the order train, val, test. A source with a test set of its own uses that one, and
    `test` must then stay null; it never reaches training or validation.
    """

    train: int | float | None = None
    val: int | float | None = 0.1
    test: int | float | None = 0
    order: Order = Order.permutation
    """sequential: in file order; permutation: shuffled by the seed"""
    seed: int | None = None
    """seed of the permutation; null: the run's seed"""

    def problems(self) -> Iterator[str]:
        parts = {"train": self.train, "val": self.val, "test": self.test}
        for part, size in parts.items():
            key = f"data.split.{part}"
            if isinstance(size, float) and not 0 <= size <= 1:
                yield f"{key} must be a count (integer) or a fraction in [0, 1], got {size}"
            elif size is not None:
                yield from at_least(key, size, 0)
        if self.train == 0:
            yield "data.split.train must not be 0: there would be nothing to train on"
        fractions = sum(size for size in parts.values() if isinstance(size, float) and 0 <= size <= 1)
        if fractions > 1 + 1e-9:
            yield f"data.split fractions must sum to at most 1, got {fractions:g}"


@dataclass(kw_only=True)
class DataConfig(Group):
    """Base of all data sets."""

    name: str = "???"
    """the data set's name, fixed by the choice of the group's option"""
    split: SplitConfig = field(default_factory=SplitConfig)
    normalize: Normalize = Normalize.unit
    """none; unit: to [0, 1]; symmetric: to [-1, 1]; standardize: mean 0, standard deviation 1"""
    statistics: Statistics = Statistics.auto
    """all: one number for all inputs; feature: one for each; auto: all for images, feature for tables"""
    classes: list[int] | None = None
    """keep these classes only, relabelled 0, 1, … in the given order; null keeps all"""
    limit: int | None = None
    """keep the first so many samples of the training pool, before classes are chosen; null keeps all"""

    def problems(self) -> Iterator[str]:
        yield from self.split.problems()
        if self.limit is not None:
            yield from at_least("data.limit", self.limit, 1)
        if self.split.train is None and self.split.val is None and not self.has_own_val():
            yield "data.split.train and data.split.val must not both be null (the rest)"
        if self.classes is not None:
            yield from self._class_problems(self.classes)

    def _class_problems(self, classes: list[int]) -> Iterator[str]:
        if len(set(classes)) != len(classes) or len(classes) < 2:
            yield f"data.classes must name two or more different classes, got {classes}"
        known = self.all_classes()
        for label in classes:
            if label < 0 or (known is not None and label >= known):
                top = "" if known is None else f" to {known - 1}"
                yield f"data.classes must hold labels from 0{top}, got {label}"
        if self.task_kind() is Task.regression:
            yield "data.classes needs data.task=classification, got regression"

    def task_kind(self) -> Task:
        """Whether targets are classes or numbers."""
        return Task.classification

    def all_classes(self) -> int | None:
        """How many classes the source has; None when only its files tell."""
        return None

    def num_classes_kept(self) -> int | None:
        """How many classes are left after `classes`; None when only the files tell."""
        return self.all_classes() if self.classes is None else len(self.classes)

    def has_own_val(self) -> bool:
        """Whether the source brings a validation part of its own."""
        return False

    def has_own_test(self) -> bool:
        """Whether the source brings an official test set."""
        return False


@dataclass(kw_only=True)
class DigitsConfig(DataConfig):
    """The 1,797 real 8x8 digit images that scikit-learn carries; no download."""

    name: str = "digits"

    def all_classes(self) -> int:
        return 10


@dataclass(kw_only=True)
class IdxImagesConfig(DataConfig):
    """28x28 grey images in IDX files, as MNIST comes: 60,000 for training, 10,000 for test."""

    root: str = "data"
    """folder that holds MNIST/raw or FashionMNIST/raw, as torchvision lays it out"""
    download: bool = True
    """fetch missing files (checked by MD5)"""
    mirror: str | None = None
    """base URL to fetch from instead of the usual mirrors"""

    def all_classes(self) -> int:
        return 10

    def has_own_test(self) -> bool:
        return True


@dataclass(kw_only=True)
class MNISTConfig(IdxImagesConfig):
    """MNIST handwritten digits."""

    name: str = "mnist"


@dataclass(kw_only=True)
class FashionMNISTConfig(IdxImagesConfig):
    """Fashion-MNIST clothing images."""

    name: str = "fashion_mnist"


@dataclass(kw_only=True)
class OctMNISTConfig(DataConfig):
    """OctMNIST of MedMNIST: 28x28 retinal images, 4 classes, with its own train, val and test parts."""

    name: str = "octmnist"
    root: str = "data"
    """folder that holds octmnist.npz"""
    download: bool = True
    """fetch the file when it is missing (checked by MD5)"""
    mirror: str | None = None
    """base URL to fetch from instead of the publisher's"""

    def all_classes(self) -> int:
        return 4

    def has_own_val(self) -> bool:
        return True

    def has_own_test(self) -> bool:
        return True


@dataclass(kw_only=True)
class TableConfig(DataConfig):
    """A user's own files: what the targets are cannot be known before they are read."""

    task: Task = Task.classification
    """classification: integer labels 0, 1, …; regression: real numbers"""
    num_classes: int | None = None
    """how many classes there are; null: the largest label + 1"""

    def task_kind(self) -> Task:
        return self.task

    def all_classes(self) -> int | None:
        return self.num_classes

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        if self.num_classes is not None:
            yield from at_least("data.num_classes", self.num_classes, 2)


@dataclass(kw_only=True)
class CSVConfig(TableConfig):
    """Comma-separated files with a header; the last column is the target unless `target` names one."""

    name: str = "csv"
    train: str = "???"
    """file of the training pool"""
    val: str | None = None
    """file of the validation part; null: cut from the training pool"""
    test: str | None = None
    """file of the test part; null: cut from the training pool"""
    target: str | None = None
    """column that holds the target; null: the last"""

    def has_own_val(self) -> bool:
        return self.val is not None

    def has_own_test(self) -> bool:
        return self.test is not None


@dataclass(kw_only=True)
class NPZConfig(TableConfig):
    """A NumPy archive with arrays x and y, or train_x and train_y (val_*, test_* where there are any)."""

    name: str = "npz"
    path: str = "???"
    """the archive; never unpickled"""


DATA: dict[str, type[DataConfig]] = {
    "digits": DigitsConfig,
    "mnist": MNISTConfig,
    "fashion_mnist": FashionMNISTConfig,
    "octmnist": OctMNISTConfig,
    "csv": CSVConfig,
    "npz": NPZConfig,
}
