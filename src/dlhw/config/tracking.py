"""Config group `tracking`: what a run records and prints."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from dlhw.config.group import Group, at_least, does_nothing

DEFAULT_WEIGHTS_EVERY = 5


class Console(StrEnum):
    """How progress is printed."""

    auto = "auto"
    bar = "bar"
    plain = "plain"
    none = "none"


@dataclass(kw_only=True)
class TrackingConfig(Group):
    """metrics.csv and summary.json are always written; everything else can be switched off."""

    console: Console = Console.auto
    """bar: progress bar; plain: one line per evaluation; none: silent; auto: bar on a terminal, else plain"""
    tensorboard: bool = True
    """write TensorBoard events"""
    weights_every: int = DEFAULT_WEIGHTS_EVERY
    """evaluations between two weight images and histograms in TensorBoard; 0: only at start and end"""
    checkpoints: bool = True
    """write checkpoints/last and checkpoints/best"""
    predictions: bool = True
    """write predictions.safetensors: the predicted class of each test sample, for tests that compare runs"""

    def problems(self) -> Iterator[str]:
        yield from at_least("tracking.weights_every", self.weights_every, 0)
        if not self.tensorboard and self.weights_every != DEFAULT_WEIGHTS_EVERY:
            yield does_nothing(f"tracking.weights_every={self.weights_every}", "tracking.tensorboard=true")
