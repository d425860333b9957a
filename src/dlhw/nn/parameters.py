"""All parameters of a cohort in one flat buffer (R, P), and a named view of each."""

from collections.abc import Iterator, Mapping
from math import prod

import torch
from torch import Tensor

from dlhw.nn.layer import ALIGNMENT, ParameterSpec

Views = dict[str, dict[str, Tensor]]


class ParameterLayout:
    """Position of each parameter in a flat buffer (R, P): all weights first, then all biases.

    With one buffer, updating every parameter of every run is a single operation, and all weights are a slice.
    Parameters are aligned as fresh tensors are; the gaps between them hold zeros and stay zero.

    Args:
        specs: layer name -> parameter name -> its specification.

    >>> from dlhw.nn.linear import Affine
    >>> layout = ParameterLayout({"fc": Affine(3, 2).specs()})
    >>> layout.num_parameters, layout.size  # 3*2 + 2, each parameter aligned to 16 elements
    (8, 32)
    >>> flat_RP = layout.zeros(5, torch.float32, torch.device("cpu"))
    >>> {name: tuple(view.shape) for name, view in layout.named(flat_RP)}
    {'fc.weight': (5, 3, 2), 'fc.bias': (5, 2)}
    """

    def __init__(self, specs: Mapping[str, Mapping[str, ParameterSpec]]) -> None:
        self.specs = {f"{layer}.{name}": spec for layer, own in specs.items() for name, spec in own.items()}
        self._slots: dict[str, slice] = {}
        self.size = 0
        for is_weight in (True, False):
            for name, spec in self.specs.items():
                if spec.is_weight is is_weight:
                    self._slots[name] = self._reserve(prod(spec.shape))
            if is_weight:
                self.num_flat_weights = self.size

    def _reserve(self, count: int) -> slice:
        slot = slice(self.size, self.size + count)
        self.size += -(-count // ALIGNMENT) * ALIGNMENT
        return slot

    @property
    def num_parameters(self) -> int:
        """Number of trainable parameters of one run, without the gaps."""
        return sum(prod(spec.shape) for spec in self.specs.values())

    def start_of(self, name: str) -> int:
        """Index at which a parameter ("fc1.weight") starts in a run's row."""
        return self._slots[name].start

    def zeros(self, num_runs: int, dtype: torch.dtype, device: torch.device) -> Tensor:
        """A flat buffer (R, P) of zeros."""
        return torch.zeros(num_runs, self.size, dtype=dtype, device=device)

    def named(self, flat_RP: Tensor) -> Iterator[tuple[str, Tensor]]:
        """Full name and view (R, *shape) of each parameter, in the order of the model."""
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
        """Overwrite one run's parameters."""
        for name, view in self.named(flat_RP):
            view[run].copy_(tensors[name])
