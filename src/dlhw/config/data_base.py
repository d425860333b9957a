"""What all data sets share: how samples are chosen, split, scaled and randomised."""

import math
from collections.abc import Iterator
from dataclasses import Field, dataclass, field, fields
from enum import StrEnum, auto
from pathlib import Path
from typing import ClassVar

from dlhw.config.fields import Role, per_run, role_of
from dlhw.config.group import Group, at_least, does_nothing, positive
from dlhw.config.registry import Option
from dlhw.environment_checks import expanded

VAL_FROM_TEST = (
    "Validation was taken from the TEST set (data.split.val_from_test=true): the epochs and cells that it "
    "selects are selected by test, and their numbers flatter."
)


class Normalize(StrEnum):
    """How inputs are scaled; statistics come from the training split only."""

    auto = "auto"
    none = "none"
    unit = "unit"
    unit_256 = "unit_256"
    symmetric = "symmetric"
    standardize = "standardize"


class Statistics(StrEnum):
    """What `standardize` (and `unit`, `symmetric` for an unknown range) computes statistics over."""

    auto = "auto"
    all = "all"
    feature = "feature"


class Inputs(StrEnum):
    """What the inputs of all splits are replaced by (Zhang et al. 2017, figure 1)."""

    original = auto()
    shuffled_pixels = auto()
    random_pixels = auto()
    gaussian = auto()


class Order(StrEnum):
    """How the training pool is ordered before it is cut into splits."""

    sequential = auto()
    permutation = auto()


class Task(StrEnum):
    """What the targets are."""

    classification = auto()
    regression = auto()


@dataclass(kw_only=True)
class SplitConfig(Group):
    """Sizes of the splits of the training pool: an integer is a count, a float a fraction, null the rest.

    The pool is cut in the order train, val, test. A source with a test set of its own uses that one, and
    `test` must then stay null; it never reaches training, nor validation unless `val_from_test` says so.
    """

    train: int | float | None = None
    """samples for training: a count (integer), a fraction (float), or null for the rest"""
    val: int | float | None = 0.1
    """samples for validation: a count, a fraction, or null for the rest"""
    test: int | float | None = 0
    """samples for testing: a count, a fraction, or null for the rest; null if the source has a test set"""
    order: Order = Order.permutation
    """order of the pool before it is split. sequential: file order; permutation: shuffled by the seed"""
    seed: int | None = None
    """seed of the permutation; null: data.seed, or else the run's seed"""
    val_from_test: bool = False
    """use the source's test set for validation; there is then no test split, and `val` is ignored"""

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
        if self.val_from_test and self.test not in (None, 0):
            yield f"data.split.test must be null or 0 with data.split.val_from_test=true, got {self.test}"
        fractions = sum(size for size in parts.values() if isinstance(size, float) and 0 <= size <= 1)
        if fractions > 1 + 1e-9:
            yield f"data.split fractions must sum to at most 1, got {fractions:g}"
        yield from seed_problems("data.split.seed", self.seed)
        if self.seed is not None and self.order is Order.sequential:
            yield does_nothing(f"data.split.seed={self.seed}", "data.split.order=permutation")


@dataclass(kw_only=True)
class DataConfig(Option):
    """Base of all data sets.

    Samples come from files or from a generator. The fields that hold the user's files are declared with
    `dlhw.config.fields.file`; a data set whose files lie elsewhere overrides `files`.
    """

    is_generated: ClassVar[bool] = False
    """whether the samples are computed; the builder takes the config and a seed, else the config alone"""
    is_downloaded: ClassVar[bool] = False
    """whether missing files are fetched from the internet (keys `root`, `download` and `mirror`)"""
    is_own: ClassVar[bool] = False
    """whether the files are the user's own, of whose origin nothing is known"""
    input_shape: ClassVar[tuple[int, ...] | None] = None
    """shape of a sample; None where it depends on the files or on other keys"""

    split: SplitConfig = field(default_factory=SplitConfig)
    normalize: Normalize = Normalize.unit
    """how inputs are scaled. auto: unit for arrays of bytes, else none; unit: to [0, 1]; unit_256:
    bytes / 256; symmetric: to [-1, 1]; standardize: mean 0, standard deviation 1; none: unchanged"""
    statistics: Statistics = Statistics.auto
    """what mean and deviation are computed over. all: all inputs together; feature: each feature on its own;
    auto: all for images, feature for tables"""
    mean: float | None = None
    """mean that standardize subtracts, on the scale [0, 1] for images; null: that of the training split"""
    std: float | None = None
    """standard deviation that standardize divides by, on the same scale; null: that of the training split"""
    classes: list[int] | None = None
    """keep only these classes, relabelled 0, 1, … in the given order; null: all"""
    limit: int | None = None
    """keep only the first N samples of the training pool, before classes are chosen; null: all"""
    test_per_class: list[int] | None = None
    """for each (kept) class, how many of its first samples in the source's test set to keep; null: all"""
    inputs: Inputs = Inputs.original
    """what the inputs are replaced by. original: nothing; shuffled_pixels: the pixels of all images permuted
    alike; random_pixels: each image permuted on its own; gaussian: noise with the mean and variance of the
    training split's pixels"""
    label_corruption: float = per_run(0.0)
    """probability that a training label is replaced by a uniformly random class"""
    seed: int | None = None
    """seed of everything random in the data; null: the run's seed"""

    def __init_subclass__(cls) -> None:
        """Refuse a data set whose files nobody would watch for changes."""
        if "name" in vars(cls) and not (cls.is_generated or _names_files(cls)):
            raise TypeError(
                f"{cls.__name__} must declare the fields that hold its files with dlhw.config.fields.file, "
                "override files(), or set is_generated = True"
            )
        super().__init_subclass__()

    def problems(self) -> Iterator[str]:
        yield from self.split.problems()
        if self.limit is not None:
            yield from at_least("data.limit", self.limit, 1)
        if self.split.train is None and self.split.val is None and not self.has_own_val():
            yield "data.split.train and data.split.val must not both be null (the rest)"
        if self.classes is not None:
            yield from self._class_problems(self.classes)
        yield from self._test_problems()
        yield from self._constant_problems()
        yield from self._corruption_problems()
        yield from seed_problems("data.seed", self.seed)
        if self.seed is not None and self.seed_for(0) is None:
            yield does_nothing(
                f"data.seed={self.seed}", "data that draws, such as data.split.order=permutation"
            )
        if self.statistics is not Statistics.auto and self.normalize in (Normalize.none, Normalize.unit_256):
            yield does_nothing(f"data.statistics={self.statistics}", "data.normalize=standardize")

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

    def _test_problems(self) -> Iterator[str]:
        requested = {
            "data.split.val_from_test": self.split.val_from_test,
            "data.test_per_class": self.test_per_class is not None,
        }
        for key in (key for key, is_set in requested.items() if is_set and self.brings_test() is False):
            yield f"{key} needs a test set of the source's own, data={self.name} has none"
        if self.split.val_from_test and self.brings_val():
            yield (
                f"data.split.val_from_test must be false for data={self.name}, which has a validation split "
                "of its own"
            )
        if self.test_per_class is not None:
            yield from self._per_class_problems(self.test_per_class)

    def _per_class_problems(self, counts: list[int]) -> Iterator[str]:
        for index, count in enumerate(counts):
            yield from at_least(f"data.test_per_class[{index}]", count, 1)
        kept = self.num_classes_kept()
        if kept is not None and len(counts) != kept:
            yield f"data.test_per_class must hold one count for each of {kept} classes, got {len(counts)}"
        if self.task_kind() is Task.regression:
            yield "data.test_per_class needs data.task=classification, got regression"

    def _constant_problems(self) -> Iterator[str]:
        given = {"data.mean": self.mean, "data.std": self.std}
        missing = [key for key, value in given.items() if value is None]
        if len(missing) == 2:
            return
        if missing:
            yield f"data.mean and data.std must both be given or both be null, {missing[0]} is null"
        if self.mean is not None and not math.isfinite(self.mean):
            yield f"data.mean must be finite, got {self.mean}"
        if self.std is not None:
            yield from positive("data.std", self.std)
        if self.normalize is not Normalize.standardize:
            yield (
                f"data.mean and data.std are only read by data.normalize=standardize, got {self.normalize}"
            )
        if self.statistics is Statistics.feature:
            yield "data.statistics must be auto or all with data.mean and data.std, got feature"

    def _corruption_problems(self) -> Iterator[str]:
        if not 0 <= self.label_corruption <= 1:
            yield f"data.label_corruption must be in [0, 1], got {self.label_corruption}"
        elif self.label_corruption and self.task_kind() is Task.regression:
            yield f"data.label_corruption must be 0 for regression, got {self.label_corruption}"

    def files(self) -> dict[str, Path]:
        """The files that the samples are read from, by what they hold; empty for data that is generated.

        By default these are the fields of role `file` that are set. The builder of a data set reads these
        files and no others, and a sweep identifies its data by their content.
        """
        given = {spec.name: getattr(self, spec.name) for spec in fields(self) if role_of(spec) is Role.file}
        return {name: expanded(path) for name, path in given.items() if path is not None}

    def task_kind(self) -> Task:
        """Whether the targets are classes or numbers."""
        return Task.classification

    def all_classes(self) -> int | None:
        """Number of classes of the source; None if only its files say."""
        return None

    def num_classes_kept(self) -> int | None:
        """Number of classes left after `classes`; None if only the files say."""
        return self.all_classes() if self.classes is None else len(self.classes)

    def brings_val(self) -> bool | None:
        """Whether the source brings a validation split; None if only its files say."""
        return False

    def brings_test(self) -> bool | None:
        """Whether the source brings an official test set; None if only its files say."""
        return False

    def has_own_val(self) -> bool:
        """Whether it is known that the validation split is not cut from the training pool."""
        return self.split.val_from_test or bool(self.brings_val())

    def has_own_test(self) -> bool:
        """Whether it is known that the test split is the source's own."""
        return bool(self.brings_test()) and not self.split.val_from_test

    def draws_samples(self) -> bool:
        """Whether the source itself is drawn at random."""
        return False

    def seed_for(self, run_seed: int) -> int | None:
        """The seed of everything that is drawn (samples, inputs, corruption, split); None if nothing is.

        `split.seed` takes precedence for the split.
        """
        base = run_seed if self.seed is None else self.seed
        if self.draws_samples() or self.inputs is not Inputs.original or self.label_corruption > 0:
            return base
        if self.split.order is Order.sequential:
            return None
        return base if self.split.seed is None else self.split.seed


def seed_problems(key: str, seed: int | None) -> Iterator[str]:
    """Problem unless `seed` is null or a seed that generators accept."""
    if seed is not None and not 0 <= seed < 2**63:
        yield f"{key} must be null or an integer from 0 to 2**63 - 1, got {seed}"


def _names_files(schema: type[DataConfig]) -> bool:
    """Whether a data set, whose fields may not be known to `dataclass` yet, says which files it reads."""
    own = [value for value in vars(schema).values() if isinstance(value, Field)]
    inherited = schema.__dataclass_fields__.values()
    return schema.files is not DataConfig.files or any(
        role_of(spec) is Role.file for spec in (*own, *inherited)
    )
