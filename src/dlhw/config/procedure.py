"""Config group `procedure`: what a run does. Most runs train; the others compute an exact result instead."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum, auto
from typing import ClassVar

from dlhw.config.group import at_least
from dlhw.config.model import IntervalUnits
from dlhw.config.registry import Option

# Every sign vector with this many components is tried on every net of that size: 2^12 x 325 pairs.
MAX_DIM = 12


@dataclass(kw_only=True)
class ProcedureConfig(Option):
    """Base of all procedures."""

    trains: ClassVar[bool] = False
    """whether the run trains a model, in a cohort with others; otherwise it runs alone"""


@dataclass(kw_only=True)
class TrainProcedureConfig(ProcedureConfig):
    """Train the model on the data."""

    builder = "dlhw.training.fit:fit"
    name: str = "train"
    trains: ClassVar[bool] = True


@dataclass(kw_only=True)
class CertificateConfig(ProcedureConfig):
    """Proof that a linear threshold unit separates the training split's two classes, or that none does."""

    builder = "dlhw.procedures.certificate:certificate"
    name: str = "certificate"


@dataclass(kw_only=True)
class VerifyConfig(ProcedureConfig):
    """Check the hand-built nets of every interval low <= sum x <= high on all x in {-1, 1}^dim."""

    builder = "dlhw.procedures.verify:verify"
    name: str = "verify"
    dim: int = 5
    """number of components of x"""
    version: IntervalUnits = IntervalUnits.sign
    """hidden units: sign or relu"""
    draws: int = 20
    """number of random perturbations of each input, in addition to the extreme ones"""

    def problems(self) -> Iterator[str]:
        if not 1 <= self.dim <= MAX_DIM:
            yield f"procedure.dim must be from 1 to {MAX_DIM}, got {self.dim}"
        yield from at_least("procedure.draws", self.draws, 0)


class Wrong(StrEnum):
    """Layers and losses that are deliberately wrong."""

    scaled_softmax = auto()
    tempered_softmax = auto()
    sloped_binary = auto()
    square_sigmoid = auto()
    untransposed_affine = auto()


@dataclass(kw_only=True)
class IdentitiesConfig(ProcedureConfig):
    """Check textbook identities of softmax, sigmoid and their losses at random inputs, in float64."""

    builder = "dlhw.procedures.identities:identities"
    name: str = "identities"
    samples: int = 1000
    """number of random inputs per identity, in addition to its edge cases"""
    wrong: Wrong | None = None
    """a wrong layer or loss instead of dlhw's, to show that it is detected; null: none"""

    def problems(self) -> Iterator[str]:
        yield from at_least("procedure.samples", self.samples, 1)


@dataclass(kw_only=True)
class VoteConfig(ProcedureConfig):
    """Evaluate the untrained model with all weights equal, for several values, and their majority vote."""

    builder = "dlhw.procedures.vote:vote"
    name: str = "vote"
    weights: list[float] = field(default_factory=lambda: [-2, -1.5, -1, -0.5, 0.5, 1, 1.5, 2])
    """values of the shared weight, whose predictions vote"""

    def problems(self) -> Iterator[str]:
        if not self.weights or len(set(self.weights)) < len(self.weights):
            yield f"procedure.weights must hold different numbers, got {self.weights}"
