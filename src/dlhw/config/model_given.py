"""Models whose numbers are given in the config: networks built by hand."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum, auto
from math import isfinite
from typing import Any

from dlhw.config.fields import per_run
from dlhw.config.group import Group
from dlhw.config.model_base import THRESHOLDS, Activation, InitConfig, ModelConfig, flow


@dataclass(kw_only=True)
class GivenConfig(ModelConfig):
    """Base of models whose numbers are given, not drawn."""

    def problems(self) -> Iterator[str]:
        if self.init != InitConfig():
            yield f"model.init is not read by model={self.name}, whose weights are given: leave it out"


@dataclass(kw_only=True, repr=False)
class GivenLayerConfig(Group):
    """One layer of `model=hand_built`: y = activation(W x + b)."""

    # not list[list[float]]: OmegaConf 2.3 takes no integer for a number there
    weight: list[Any] = field(default_factory=list)
    """W: a row for each unit, with a number for each input"""
    bias: list[float] = field(default_factory=list)
    """b: a number for each unit"""
    activation: Activation = Activation.identity
    """nonlinearity of the units"""

    def __repr__(self) -> str:
        return flow(self)

    def problems_at(self, key: str, num_inputs: int | None) -> Iterator[str]:
        """Problems of the layer that is called `key` and follows `num_inputs` units (None: unknown)."""
        widths = {len(row) if _is_row(row) else 0 for row in self.weight}
        if len(widths) != 1 or 0 in widths:
            yield f"{key}.weight must hold rows of equally many numbers, one for each unit, got {self.weight}"
        elif num_inputs is not None and widths != {num_inputs}:
            yield (
                f"{key}.weight must hold rows of {num_inputs} numbers, one for each unit before, "
                f"got {self.weight}"
            )
        if len(self.bias) != len(self.weight) or not all(map(isfinite, self.bias)):
            yield f"{key}.bias must hold {len(self.weight)} numbers, one for each unit, got {self.bias}"


def _is_row(row: Any) -> bool:
    numbers = isinstance(row, list) and all(type(number) in (int, float) for number in row)
    return numbers and all(map(isfinite, row))


def xor_layers() -> list[GivenLayerConfig]:
    """XOR of two bits: OR and not AND."""
    return [
        GivenLayerConfig(weight=[[1, 1], [1, 1]], bias=[-0.5, -1.5], activation=Activation.step),
        GivenLayerConfig(weight=[[1, -1]], bias=[-0.5], activation=Activation.step),
    ]


@dataclass(kw_only=True)
class HandBuiltConfig(GivenConfig):
    """Network of explicit numbers, such as a gate of threshold units; the default is XOR of two bits."""

    name: str = "hand_built"
    layers: list[GivenLayerConfig] = field(default_factory=xor_layers)
    """from input to output, each {weight: [[…], …], bias: […], activation: …}; W x + b, a row of W a unit"""

    def num_inputs(self) -> int:
        return len(self.layers[0].weight[0])

    def has_thresholds(self) -> bool:
        return any(layer.activation in THRESHOLDS for layer in self.layers)

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        if not self.layers:
            yield "model.layers must hold at least one layer, got []"
        before = None
        for position, layer in enumerate(self.layers):
            yield from layer.problems_at(f"model.layers[{position}]", before)
            before = len(layer.weight)


class IntervalUnits(StrEnum):
    """Hidden units of the interval net."""

    sign = auto()
    relu = auto()


@dataclass(kw_only=True)
class IntervalNetConfig(GivenConfig):
    """Two hidden units that tell by 1 or -1 whether low <= x_1 + … + x_D <= high, for x of 1 and -1."""

    name: str = "interval_net"
    units: IntervalUnits = IntervalUnits.sign
    """hidden units"""
    low: int = per_run(-1)
    """least sum that counts as inside"""
    high: int = per_run(1)
    """largest sum that counts as inside"""

    def has_thresholds(self) -> bool:
        return True

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        if self.low > self.high:
            yield f"model.low must be <= model.high={self.high}, got {self.low}"
