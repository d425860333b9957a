"""A cohort: R runs that share every operation, with one row each in the flat parameters."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from math import prod

import torch
from torch import Tensor

from dlhw.config.root import TrainConfig
from dlhw.models.build import build_model
from dlhw.nn.init import initialise
from dlhw.nn.losses import LOSSES
from dlhw.nn.parameters import ParameterLayout
from dlhw.optim.optimizers import Optimizer, build_optimizer
from dlhw.optim.regularizers import Regularizer, build_regularizer
from dlhw.random import generator


class Cohort:
    """Model, parameters, gradients and update rule of R runs.

    Args:
        configs: one a run; they differ only in fields marked `per_run`.
        input_shape: shape of one input.
        num_outputs: outputs K of the model.
        device: of all tensors.
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
        self.input_shape, self.num_outputs = input_shape, num_outputs
        self._describe(configs)
        params_RP = self._initial(dtype).to(device)
        self._lay_out(params_RP, torch.zeros_like(params_RP))

    def _describe(self, configs: Sequence[TrainConfig]) -> None:
        self.configs = list(configs)
        self.config = self.configs[0]
        self.model = build_model([config.model for config in configs], self.input_shape, self.num_outputs)
        self.layout = ParameterLayout(self.model.specs())
        self.loss = LOSSES[self.config.resolved_loss()]

    def _lay_out(self, params_RP: Tensor, grads_RP: Tensor) -> None:
        self.params_RP, self.grads_RP = params_RP, grads_RP
        self.device, self.dtype = params_RP.device, params_RP.dtype
        self.params = self.layout.views(params_RP)
        self.grads = self.layout.views(grads_RP)

    def view(self, rows: slice) -> "Cohort":
        """Some consecutive runs, on the same memory, with their own model, buffers and update rule."""
        view = object.__new__(Cohort)
        view.input_shape, view.num_outputs = self.input_shape, self.num_outputs
        view._describe(self.configs[rows])
        view._lay_out(self.params_RP[rows], self.grads_RP[rows])
        return view

    def use_gradients(self, grads_RP: Tensor) -> None:
        """Write gradients into another tensor from now on."""
        self._lay_out(self.params_RP, grads_RP)

    # created at first use: a cohort that trains in shards has none of its own
    @cached_property
    def regularizer(self) -> Regularizer:
        """Penalty of each run."""
        regularizers = [config.regularizer for config in self.configs]
        return build_regularizer(regularizers, self.layout, self.params_RP)

    @cached_property
    def optimizer(self) -> Optimizer:
        """Update rule of each run, with its state."""
        return build_optimizer([config.optimizer for config in self.configs], self.params_RP)

    def _initial(self, dtype: torch.dtype) -> Tensor:
        generators = [generator(config.seed, "init") for config in self.configs]
        return initialise(self.layout, [config.model.init for config in self.configs], generators, dtype)

    @property
    def num_runs(self) -> int:
        """R."""
        return len(self.configs)

    def load_run(self, run: int, tensors: Mapping[str, Tensor]) -> None:
        """Load the saved parameters of one run."""
        self.layout.load_run(self.params_RP, run, tensors)

    def norms(self) -> dict[tuple[str, str], list[float]]:
        """(kind, parameter name) -> Euclidean norm of each run, kind "weight" or "gradient"."""
        return {
            (kind, name): torch.linalg.vector_norm(view.flatten(1), dim=1).tolist()
            for kind, flat_RP in (("weight", self.params_RP), ("gradient", self.grads_RP))
            for name, view in self.layout.named(flat_RP)
        }

    def affine_shapes(self) -> list[tuple[int, ...]]:
        """(I, O) of each affine layer, in the model's order."""
        return [spec.shape for spec in self.layout.specs.values() if len(spec.shape) == 2]

    def largest_product(self) -> tuple[int, int, int]:
        """(N, I, O) of the affine layer with the most weights: matmul settings are compared on it."""
        fan_in, fan_out = max(self.affine_shapes(), key=prod)
        return self.config.trainer.batch_size or 1024, fan_in, fan_out
