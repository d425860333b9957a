"""Engines turn a batch into gradients: by our backward passes, or by autograd on the same forward."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from dlhw.config.trainer import Engine as EngineName
from dlhw.nn.layer import Context, Uniform, Workspace
from dlhw.training.cohort import Cohort


class Engine(ABC):
    """Writes the gradient of each run's mean loss into the cohort's gradients.

    Args:
        cohort: whose parameters and gradients.
        uniform: random numbers for dropout.
    """

    reuse_buffers: bool

    def __init__(self, cohort: Cohort, uniform: Uniform) -> None:
        self.cohort = cohort
        self.context = Context(training=True, workspace=Workspace(reuse=self.reuse_buffers), uniform=uniform)

    @abstractmethod
    def gradients(self, x: Tensor, targets: Tensor) -> Tensor:
        """Compute all gradients (without penalty); return the outputs (R, N, K), detached."""


class ManualEngine(Engine):
    """Our backward passes, writing into buffers made once."""

    reuse_buffers = True

    def gradients(self, x: Tensor, targets: Tensor) -> Tensor:
        cohort = self.cohort
        with torch.no_grad():
            out_RNK, caches = cohort.model.forward(cohort.params, x, self.context)
            dout_RNK = cohort.loss.backward(out_RNK, targets)
            cohort.model.backward(cohort.params, dout_RNK, caches, cohort.grads, self.context)
        return out_RNK


class AutogradEngine(Engine):
    """torch's autograd on the same forward."""

    reuse_buffers = False

    def gradients(self, x: Tensor, targets: Tensor) -> Tensor:
        cohort = self.cohort
        leaves = {
            layer: {name: view.detach().requires_grad_() for name, view in views.items()}
            for layer, views in cohort.params.items()
        }
        with torch.enable_grad():
            out_RNK, _ = cohort.model.forward(leaves, x, self.context)
            # runs do not mix, so the gradient of the sum holds the gradient of each run's loss
            total = cohort.loss.forward(out_RNK, targets).sum()
        inputs = [leaf for views in leaves.values() for leaf in views.values()]
        slots = [slot for views in cohort.grads.values() for slot in views.values()]
        for slot, grad in zip(slots, torch.autograd.grad(total, inputs), strict=True):
            slot.copy_(grad)
        return out_RNK.detach()


ENGINES: dict[EngineName, type[Engine]] = {
    EngineName.manual: ManualEngine,
    EngineName.autograd: AutogradEngine,
}
