"""All parameters of a cohort in one flat buffer, with a named view of each."""

from collections.abc import Iterator, Mapping
from math import prod

import torch
from torch import Tensor

from dlhw.nn.layer import ALIGNMENT, ParameterSpec

Views = dict[str, dict[str, Tensor]]


class ParameterLayout:
    """Where each parameter lies in a flat buffer (R, P): all weights first, then all biases.

    One buffer makes an update of every parameter of every run a single operation, and `weights` is a slice.
    Views start at aligned places, as fresh tensors do; the gaps hold zeros and stay zero.

    Args:
        specs: layer name -> parameter name -> what it is.
    """

    def __init__(self, specs: Mapping[str, Mapping[str, ParameterSpec]]) -> None:
        self.specs = {f"{layer}.{name}": spec for layer, of in specs.items() for name, spec in of.items()}
        self._slots: dict[str, slice] = {}
        self.size = 0
        for wanted in (True, False):
            for name, spec in self.specs.items():
                if spec.is_weight is wanted:
                    self._slots[name] = self._take(prod(spec.shape))
            if wanted:
                self.num_flat_weights = self.size

    def _take(self, count: int) -> slice:
        slot = slice(self.size, self.size + count)
        self.size += -(-count // ALIGNMENT) * ALIGNMENT
        return slot

    @property
    def num_parameters(self) -> int:
        """Trainable numbers of one run."""
        return sum(prod(spec.shape) for spec in self.specs.values())

    def start_of(self, name: str) -> int:
        """Where a parameter ("fc1.weight") starts in a run's row."""
        return self._slots[name].start

    def zeros(self, num_runs: int, dtype: torch.dtype, device: torch.device) -> Tensor:
        """A flat buffer (R, P) of zeros."""
        return torch.zeros(num_runs, self.size, dtype=dtype, device=device)

    def named(self, flat_RP: Tensor) -> Iterator[tuple[str, Tensor]]:
        """Each parameter's full name and its view (R, *shape), in the model's order."""
        for name, spec in self.specs.items():
            yield name, flat_RP[:, self._slots[name]].view(flat_RP.shape[0], *spec.shape)

    def views(self, flat_RP: Tensor) -> Views:
        """Layer name -> parameter name -> view (R, *shape)."""
        tree: Views = {}
        for name, view in self.named(flat_RP):
            layer, parameter = name.rsplit(".", 1)
            tree.setdefault(layer, {})[parameter] = view
        return tree

    def of_run(self, flat_RP: Tensor, run: int) -> dict[str, Tensor]:
        """Copies of one run's parameters on the CPU."""
        return {name: view[run].detach().cpu().clone() for name, view in self.named(flat_RP)}

    def load_run(self, flat_RP: Tensor, run: int, tensors: Mapping[str, Tensor]) -> None:
        """Put one run's parameters in their place."""
        for name, view in self.named(flat_RP):
            view[run].copy_(tensors[name])
