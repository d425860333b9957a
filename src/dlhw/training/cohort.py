"""A cohort: R runs that share every operation, with one row each in the flat parameters."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from dlhw.config.root import TrainConfig
from dlhw.models.build import build_model
from dlhw.nn.init import initialise
from dlhw.nn.losses import LOSSES
from dlhw.nn.parameters import Layout
from dlhw.optim.optimizers import build_optimizer
from dlhw.optim.regularizers import build_regularizer
from dlhw.random import generator


class Cohort:
    """Model, parameters, gradients and update rule of R runs.

    Args:
        configs: one a run; they differ only in fields marked `per_run`.
        input_shape: shape of one input.
        num_outputs: outputs K of the model.
        device: where everything lives.
        dtype: of parameters and arithmetic.

    Raises:
        ConfigError: if the inputs do not fit the model.
    """

    def __init__(
        self,
        configs: Sequence[TrainConfig],
        input_shape: tuple[int, ...],
        num_outputs: int,
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        self.configs = list(configs)
        self.config = self.configs[0]
        self.device, self.dtype = device, dtype
        self.model = build_model([config.model for config in configs], input_shape, num_outputs)
        self.layout = Layout(self.model.specs())
        self.params_RP = self._initial().to(device)
        self.grads_RP = torch.zeros_like(self.params_RP)
        self.params = self.layout.views(self.params_RP)
        self.grads = self.layout.views(self.grads_RP)
        self.loss = LOSSES[self.config.resolved_loss()]
        regularizers = [config.regularizer for config in configs]
        self.regularizer = build_regularizer(regularizers, self.layout, self.params_RP)
        self.optimizer = build_optimizer([config.optimizer for config in configs], self.params_RP)

    def _initial(self) -> Tensor:
        generators = [generator(config.seed, "init") for config in self.configs]
        return initialise(self.layout, [config.model.init for config in self.configs], generators, self.dtype)

    @property
    def num_runs(self) -> int:
        """R."""
        return len(self.configs)

    def load_run(self, run: int, tensors: Mapping[str, Tensor]) -> None:
        """Put saved parameters of one run in their place."""
        self.layout.load_run(self.params_RP, run, tensors)

    def norms(self) -> dict[tuple[str, str], list[float]]:
        """(kind, parameter name) -> Euclidean norm of each run, kind "weight" or "gradient"."""
        return {
            (kind, name): torch.linalg.vector_norm(view.flatten(1), dim=1).tolist()
            for kind, flat_RP in (("weight", self.params_RP), ("gradient", self.grads_RP))
            for name, view in self.layout.named(flat_RP)
        }
