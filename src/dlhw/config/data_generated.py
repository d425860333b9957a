"""Data sets that are generated: a config and a seed determine every sample."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum, auto

from dlhw.config.data_base import DataConfig, Normalize, Order, SplitConfig, Task
from dlhw.config.group import at_least, in_half_open

# 2^16 sign vectors of 16 numbers are 8 MiB in float64.
MAX_DIM = 16


# Boolean functions of two inputs; the functional form, because `and` and `or` are keywords.
Gate = StrEnum("Gate", ["and", "or", "xor", "nand", "nor"])


class Teacher(StrEnum):
    """How the coefficients of a linear teacher are drawn."""

    gaussian = auto()
    unit = auto()
    sparse = auto()


def _everything(val: float = 0) -> SplitConfig:
    return SplitConfig(train=None, val=val, test=0, order=Order.sequential)


@dataclass(kw_only=True)
class GeneratedConfig(DataConfig):
    """Base of the generated data sets."""

    is_generated = True
    split: SplitConfig = field(default_factory=_everything)
    normalize: Normalize = Normalize.none

    def all_classes(self) -> int | None:
        return 2


@dataclass(kw_only=True)
class GatesConfig(GeneratedConfig):
    """A logic gate: the points (0,0), (0,1), (1,0), (1,1), class 1 where the gate is true."""

    builder = "dlhw.data.generators:make_gates"
    name: str = "gates"
    gate: Gate = Gate["xor"]
    """and, or, xor, nand or nor"""


@dataclass(kw_only=True)
class IntervalConfig(GeneratedConfig):
    """All 2^dim vectors of signs, class 1 where low <= the sum of the signs <= high."""

    builder = "dlhw.data.generators:make_interval"
    name: str = "interval"
    dim: int = 2
    """D: number of signs in a vector"""
    low: int = -1
    """A: smallest sum of class 1"""
    high: int = 1
    """B: largest sum of class 1"""

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        if not 1 <= self.dim <= MAX_DIM:
            yield f"data.dim must be in [1, {MAX_DIM}], got {self.dim}"
            return
        sums = range(-self.dim, self.dim + 1, 2)
        inside = sum(self.low <= total <= self.high for total in sums)
        if inside in (0, len(sums)):
            yield (
                f"data.low and data.high must leave sums of {self.dim} signs ({sums[0]} to {sums[-1]} in "
                f"steps of 2) in both classes, got {self.low} and {self.high}"
            )


@dataclass(kw_only=True)
class TriangleConfig(GeneratedConfig):
    """Uniform points of [0,4]x[0,4], class 0 strictly inside x1 > 0.5, x2 > 0.5, x1 + x2 < 4."""

    builder = "dlhw.data.generators:make_triangle"
    name: str = "triangle"
    split: SplitConfig = field(default_factory=lambda: _everything(0.2))
    num_samples: int = 500
    """number of points, before they are split into train and val"""
    margin: float = 0.0
    """smallest distance of a point from the triangle's border; nearer points are drawn again"""

    def draws_samples(self) -> bool:
        return True

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        yield from at_least("data.num_samples", self.num_samples, 2)
        # The square must have room beside the triangle.
        yield from in_half_open("data.margin", self.margin, 0, 0.5)


@dataclass(kw_only=True)
class LinearTeacherConfig(GeneratedConfig):
    """Regression on y = x . beta + noise * N(0,1), x ~ N(0,1)^dim; larger training sets extend smaller ones.

    For one seed neither the teacher beta nor the validation split depends on `num_train`, and `noise` changes
    neither x nor beta.
    """

    builder = "dlhw.data.generators:make_linear_teacher"
    name: str = "linear_teacher"
    dim: int = 200
    """d: number of features"""
    num_train: int = 40
    """n: number of training samples; the first n of a sequence that does not depend on n"""
    num_val: int = 500
    """number of validation samples, with the same noise; 0: no validation split"""
    noise: float = 0.0
    """sigma: standard deviation of the noise on y"""
    teacher: Teacher = Teacher.gaussian
    """gaussian: beta ~ N(0, 1/dim); unit: the same, scaled to norm 1; sparse: num_ones ones, then zeros"""
    num_ones: int | None = None
    """number of ones of the sparse teacher"""

    def task_kind(self) -> Task:
        return Task.regression

    def all_classes(self) -> None:
        return None

    def brings_val(self) -> bool:
        return self.num_val > 0

    def draws_samples(self) -> bool:
        return True

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        yield from at_least("data.dim", self.dim, 1)
        yield from at_least("data.num_train", self.num_train, 1)
        yield from at_least("data.num_val", self.num_val, 0)
        yield from at_least("data.noise", self.noise, 0)
        if self.teacher is not Teacher.sparse:
            if self.num_ones is not None:
                yield f"data.num_ones is only read by data.teacher=sparse, got teacher={self.teacher}"
        elif self.num_ones is None or not 1 <= self.num_ones <= self.dim:
            yield (
                f"data.num_ones must be in [1, {self.dim}] (1 to data.dim) for data.teacher=sparse, got "
                f"{'null' if self.num_ones is None else self.num_ones}"
            )
