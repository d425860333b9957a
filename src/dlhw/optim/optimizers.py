"""Update rules by hand, on the flat parameters (R, P) of a cohort; they match torch.optim step by step.

Every hyperparameter is a column (R, 1), so runs that differ in it take the same operations.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from dlhw.config.optimizer import AdamConfig, AdamWConfig, OptimizerConfig, RMSpropConfig, SGDConfig
from dlhw.config.registry import import_builder


def column(values: Sequence[float], like: Tensor) -> Tensor:
    """Numbers of the runs as a column (R, 1) beside `like` (R, P)."""
    return torch.tensor(list(values), dtype=like.dtype, device=like.device).unsqueeze(1)


class Optimizer(ABC):
    """An update rule with its state.

    Args:
        configs: one a run, all of the same kind.
        params_RP: the parameters that `step` changes in place.
    """

    def __init__(self, configs: Sequence[OptimizerConfig], params_RP: Tensor) -> None:
        self.params_RP = params_RP
        self.state: dict[str, Tensor] = {}
        # a tensor, so that a captured step counts too
        self._steps = torch.zeros((), dtype=torch.float64, device=params_RP.device)
        self._scratch_RP = torch.empty_like(params_RP)
        self._without_momentum: set[int] = set()

    @property
    def steps(self) -> int:
        """Steps made."""
        return int(self._steps)

    @steps.setter
    def steps(self, count: int) -> None:
        self._steps.fill_(count)

    def _buffer(self, name: str) -> Tensor:
        """A state tensor shaped like the parameters, zero at the start."""
        if name not in self.state:
            self.state[name] = torch.zeros_like(self.params_RP)
        return self.state[name]

    def state_dict(self, run: int) -> dict[str, Tensor]:
        """Copies of one run's state on the CPU: what the run would have alone."""
        idle = {"momentum_buffer"} if run in self._without_momentum else set()
        return {name: state[run].cpu().clone() for name, state in self.state.items() if name not in idle}

    def load_state_dict(self, run: int, state: Mapping[str, Tensor]) -> None:
        """Load one run's state, as `state_dict` returned it.

        Raises:
            ValueError: if a tensor is not of the parameters' size.
        """
        for name, values in state.items():
            if values.shape != self.params_RP.shape[1:]:
                raise ValueError(f"optimizer/{name} is of shape {tuple(values.shape)}")
            self._buffer(name)[run].copy_(values)

    def _take_momentum(self, momenta: Sequence[float]) -> None:
        self.momentum_R1 = column(momenta, self.params_RP)
        self._without_momentum = {run for run, momentum in enumerate(momenta) if momentum == 0}
        self.has_momentum = len(self._without_momentum) < len(momenta)

    @abstractmethod
    def step(self, grads_RP: Tensor, lr_R1: Tensor) -> None:
        """Update the parameters; lr 0 leaves a run's parameters as they are (if its gradients are finite)."""


class SGD(Optimizer):
    """Stochastic gradient descent.

    v <- momentum v + g        W <- W - lr v        (nesterov: W <- W - lr (g + momentum v))

    Source: torch.optim.SGD with dampening 0; Sutskever et al., ICML 2013.
    """

    def __init__(self, configs: Sequence[SGDConfig], params_RP: Tensor) -> None:
        super().__init__(configs, params_RP)
        self.nesterov = configs[0].nesterov
        self._take_momentum([config.momentum for config in configs])

    def velocities(self) -> Tensor:
        """v (R, P), zero before the first step."""
        return self._buffer("momentum_buffer")

    def step(self, grads_RP: Tensor, lr_R1: Tensor) -> None:
        update = grads_RP
        if self.has_momentum:
            update = self.velocities().mul_(self.momentum_R1).add_(grads_RP)
            if self.nesterov:
                update = torch.addcmul(grads_RP, update, self.momentum_R1, out=self._scratch_RP)
        self.params_RP.addcmul_(update, lr_R1, value=-1)
        self._steps += 1


class Adam(Optimizer):
    """Adam.

    m <- b1 m + (1 - b1) g        v <- b2 v + (1 - b2) g^2
    W <- W - lr / (1 - b1^t) * m / (sqrt(v) / sqrt(1 - b2^t) + eps)

    Source: Kingma & Ba, ICLR 2015; eps outside the root, after the bias correction, as torch.optim.Adam.
    """

    def __init__(self, configs: Sequence[AdamConfig], params_RP: Tensor) -> None:
        super().__init__(configs, params_RP)
        self.beta1_R1 = column([config.betas[0] for config in configs], params_RP)
        self.beta2_R1 = column([config.betas[1] for config in configs], params_RP)
        self.eps_R1 = column([config.eps for config in configs], params_RP)

    def moments(self) -> tuple[Tensor, Tensor]:
        """m and v (R, P), zero before the first step."""
        return self._buffer("exp_avg"), self._buffer("exp_avg_sq")

    def step(self, grads_RP: Tensor, lr_R1: Tensor) -> None:
        self._steps += 1
        m, v = self.moments()
        m.lerp_(grads_RP, 1 - self.beta1_R1)
        square = torch.mul(grads_RP, grads_RP, out=self._scratch_RP)
        v.lerp_(square, 1 - self.beta2_R1)
        root = torch.sqrt(v, out=self._scratch_RP).div_((1 - self.beta2_R1**self._steps).sqrt())
        update = torch.div(m, root.add_(self.eps_R1), out=self._scratch_RP)
        self.params_RP.addcmul_(update, lr_R1 / (1 - self.beta1_R1**self._steps), value=-1)


class AdamW(Adam):
    """Adam after W <- (1 - lr * weight_decay) W, on every parameter.

    Source: Loshchilov & Hutter, ICLR 2019; as torch.optim.AdamW.
    """

    def __init__(self, configs: Sequence[AdamWConfig], params_RP: Tensor) -> None:
        super().__init__(configs, params_RP)
        self.weight_decay_R1 = column([config.weight_decay for config in configs], params_RP)

    def step(self, grads_RP: Tensor, lr_R1: Tensor) -> None:
        self.params_RP.mul_(1 - lr_R1 * self.weight_decay_R1)
        super().step(grads_RP, lr_R1)


class RMSprop(Optimizer):
    """RMSprop.

    v <- alpha v + (1 - alpha) g^2        u = g / (sqrt(v) + eps)        W <- W - lr u
    centered: sqrt(v - m^2), m the running mean of g        momentum: b <- momentum b + u, W <- W - lr b

    Source: Hinton, lecture 6e, 2012; eps outside the root, as torch.optim.RMSprop.
    """

    def __init__(self, configs: Sequence[RMSpropConfig], params_RP: Tensor) -> None:
        super().__init__(configs, params_RP)
        self.centered = configs[0].centered
        self.alpha_R1 = column([config.alpha for config in configs], params_RP)
        self.eps_R1 = column([config.eps for config in configs], params_RP)
        self._take_momentum([config.momentum for config in configs])

    def step(self, grads_RP: Tensor, lr_R1: Tensor) -> None:
        self._steps += 1
        square = torch.mul(grads_RP, grads_RP, out=self._scratch_RP)
        v = self._buffer("square_avg").lerp_(square, 1 - self.alpha_R1)
        if self.centered:
            m = self._buffer("grad_avg").lerp_(grads_RP, 1 - self.alpha_R1)
            v = torch.addcmul(v, m, m, value=-1, out=self._scratch_RP)
        root = torch.sqrt(v, out=self._scratch_RP).add_(self.eps_R1)
        update = torch.div(grads_RP, root, out=self._scratch_RP)
        if self.has_momentum:
            update = self._buffer("momentum_buffer").mul_(self.momentum_R1).add_(update)
        self.params_RP.addcmul_(update, lr_R1, value=-1)


def build_optimizer(configs: Sequence[OptimizerConfig], params_RP: Tensor) -> Optimizer:
    """The update rule that the configs name."""
    first = configs[0]
    assert not first.is_closed_form, f"optimizer={first.name} takes no steps: see dlhw.optim.closed_form"
    optimizer: Optimizer = import_builder(first)(configs, params_RP)
    return optimizer
