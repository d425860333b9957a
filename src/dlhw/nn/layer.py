"""What every layer is: stateless, with forward and backward side by side."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from torch import Tensor

from dlhw.nn.context import Context

Params = Mapping[str, Tensor]
NO_PARAMS: Params = {}


@dataclass(frozen=True)
class Spec:
    """A parameter of a layer.

    Args:
        shape: without the run axis.
        fan_in: inputs that one unit sums over; initialisers scale by it.
        fan_out: units that one input feeds.
        is_weight: whether regularizers with `on=weights` penalise it; biases are not weights.
        given: numbers to start from, (R, *shape) or (1, *shape), in place of an initialisation scheme's.
    """

    shape: tuple[int, ...]
    fan_in: int
    fan_out: int
    is_weight: bool
    given: Tensor | None = field(default=None, compare=False)


class Layer(ABC):
    """A layer maps `(S, N, *in)` to `(R, N, *out)`; S is 1 for data that all runs share."""

    is_threshold: ClassVar[bool] = False
    # whether a training pass draws random numbers
    draws: ClassVar[bool] = False
    """whether the output jumps and is constant elsewhere, so that every gradient before it is zero"""

    def specs(self) -> dict[str, Spec]:
        """Parameter name -> what it is; empty for layers without parameters."""
        return {}

    def output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Shape of one output, without run and batch axis.

        Raises:
            ConfigError: if such inputs do not fit the layer.
        """
        return input_shape

    @abstractmethod
    def forward(self, params: Params, x: Tensor, ctx: Context) -> tuple[Tensor, Any]:
        """Return the output and what `backward` needs, nothing more.

        Made of torch operations only, so that autograd can differentiate it.
        """

    def branches(self, cache: Any) -> Tensor | None:
        """Which side of every kink the input fell on, from forward's cache; None for smooth layers."""
        return None

    @abstractmethod
    def backward(
        self, params: Params, dout: Tensor, cache: Any, grads: Params, ctx: Context, *, need_dx: bool
    ) -> Tensor | None:
        """Write the parameters' gradients into `grads`; return the input's, (R, N, *in).

        Args:
            params: as given to forward.
            dout: gradient of the output.
            cache: what forward returned beside the output.
            grads: parameter name -> where its gradient goes (overwritten, not added to).
            ctx: as given to forward.
            need_dx: False for the first layer with parameters, whose input needs no gradient; None is
                returned then. Layers without parameters are only called when the gradient is needed.
        """
