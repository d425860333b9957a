"""The losses: the values of the key `loss`."""

from enum import StrEnum, auto

from dlhw.config.registry import Choice


class Targets(StrEnum):
    """What a loss compares the model's outputs with."""

    classes = auto()
    """class labels; an output for each class"""
    two_classes = auto()
    """labels 0 and 1; a single output"""
    numbers = auto()
    """real numbers; an output for each (regression)"""


class LossName(Choice):
    """The losses; `auto` follows the model and the task."""

    targets: Targets | None
    """what its targets are; None for auto"""

    def __init__(self, value: str, builder: str = "", targets: Targets | None = None) -> None:
        super().__init__(value, builder)
        self.targets = targets

    auto = "auto"
    cross_entropy = "cross_entropy", "dlhw.nn.losses:CrossEntropy", Targets.classes
    binary_cross_entropy = "binary_cross_entropy", "dlhw.nn.losses:BinaryCrossEntropy", Targets.two_classes
    squared_error = "squared_error", "dlhw.nn.losses:SquaredError", Targets.numbers
    half_squared_error = "half_squared_error", "dlhw.nn.losses:half_squared_error", Targets.numbers
    quarter_squared_error = "quarter_squared_error", "dlhw.nn.losses:quarter_squared_error", Targets.numbers
    perceptron = "perceptron", "dlhw.nn.losses:PerceptronLoss", Targets.classes
    binary_squared_error = "binary_squared_error", "dlhw.nn.losses:BinarySquaredError", Targets.two_classes

    @property
    def is_regression(self) -> bool:
        """Whether its targets are numbers."""
        return self.targets is Targets.numbers

    @property
    def is_binary(self) -> bool:
        """Whether it takes two classes, by one output."""
        return self.targets is Targets.two_classes


def losses_for(*targets: Targets) -> tuple[LossName, ...]:
    """Every loss with one of the kinds of targets, kind by kind.

    >>> [str(loss) for loss in losses_for(Targets.two_classes)]
    ['binary_cross_entropy', 'binary_squared_error']
    """
    return tuple(loss for kind in targets for loss in LossName if loss.targets is kind)


EVERY_LOSS = losses_for(*Targets)
