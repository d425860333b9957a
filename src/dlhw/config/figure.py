"""`experiment.figures`: what the report draws."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum, auto
from typing import Any, ClassVar

from omegaconf import MISSING

from dlhw.config.listed import Listed
from dlhw.config.metric_name import metric_problems


class FigureKind(StrEnum):
    """What a figure shows."""

    learning = auto()
    """a metric against epochs or steps"""
    against = auto()
    """a metric against a swept key, a line for each value of another"""
    scatter = auto()
    """a metric against another, a point a run"""
    heat = auto()
    """a metric over two swept keys"""
    weights = auto()
    """the first layer's weights as images"""
    regions = auto()
    """what a model of two inputs decides where"""


class Theory(StrEnum):
    """Curves known in closed form, drawn beside what was measured."""

    double_descent = auto()


@dataclass(kw_only=True)
class FigureConfig(Listed):
    """A figure of the report; which fields it reads is said by the figure's kind."""

    place: ClassVar[str] = "experiment.figures"

    kind: FigureKind = MISSING
    """learning, against, scatter, heat, weights or regions"""
    metric: str | None = None
    """learning, against, heat: what is drawn; null: the first of the table"""
    parts: list[str] = field(default_factory=list)
    """learning: of train, val and test; empty: all that were measured"""
    x: str | None = None
    """learning: epoch or step; against, heat: a key; scatter: a metric"""
    y: str | None = None
    """scatter: a metric; heat: a key"""
    group: str | None = None
    """key whose values get a line or a colour each"""
    log: bool = False
    """learning: logarithmic metric"""
    log_x: bool = False
    """against, scatter: logarithmic abscissa"""
    log_y: bool = False
    """against, scatter: logarithmic ordinate"""
    theory: Theory | None = None
    """against: a curve known in closed form: double_descent"""
    layer: str | None = None
    """weights: name of the layer"""
    columns: str | None = None
    """weights: what a column is"""
    where: dict[str, Any] = field(default_factory=dict)
    """only cells with these values"""
    title: str | None = None
    """caption; null: made of the metric and the keys"""
    alt: str | None = None
    """what a reader who cannot see it should know"""

    def problems_at(self, key: str) -> Iterator[str]:
        for part in self.parts:
            if part not in ("train", "val", "test"):
                yield f"{key}.parts must hold train, val or test, got {part}"
        if self.kind is FigureKind.learning and self.x not in (None, "epoch", "step"):
            yield f"{key}.x must be epoch or step for kind=learning, got {self.x}"
        if self.kind is FigureKind.scatter:
            for name in ("x", "y"):
                yield from metric_problems(f"{key}.{name}", getattr(self, name))
        elif self.metric is not None and self.kind is not FigureKind.learning:
            yield from metric_problems(f"{key}.metric", self.metric)
