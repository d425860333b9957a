"""Update rules on the flat parameters (R, P) of a cohort; they match torch.optim step by step.

Every hyperparameter is a column (R, 1), so that runs with different values need the same operations.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from dlhw.config.optimizer import AdamConfig, AdamWConfig, OptimizerConfig, RMSpropConfig, SGDConfig
from dlhw.config.registry import import_builder


def column(values: Sequence[float], like: Tensor) -> Tensor:
    """One number a run as a column (R, 1) of the dtype and device of `like`.

    >>> column([0.5, 1.0], torch.zeros(2, 3)).tolist()
    [[0.5], [1.0]]
    """
    return torch.tensor(list(values), dtype=like.dtype, device=like.device).unsqueeze(1)


class Optimizer(ABC):
    """Base of update rules and their state.

    Args:
        configs: one a run, all of the same class.
        params_RP: the parameters, which `step` changes in place.
    """

    def __init__(self, configs: Sequence[OptimizerConfig], params_RP: Tensor) -> None:
        self.params_RP = params_RP
        self.state: dict[str, Tensor] = {}
        # a tensor, so that a replayed CUDA graph counts its steps too
        self._steps = torch.zeros((), dtype=torch.float64, device=params_RP.device)
        self._scratch_RP = torch.empty_like(params_RP)
        self._without_momentum: set[int] = set()

    @property
    def steps(self) -> int:
        """Number of steps made."""
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
        """Copies of one run's state on the CPU: the state that it would have if it trained alone."""
        idle = {"momentum_buffer"} if run in self._without_momentum else set()
        return {name: state[run].cpu().clone() for name, state in self.state.items() if name not in idle}

    def load_state_dict(self, run: int, state: Mapping[str, Tensor]) -> None:
        """Load the state of one run that `state_dict` returned.

        Raises:
            ValueError: if a tensor does not have the shape (P,).
        """
        for name, values in state.items():
            if values.shape != self.params_RP.shape[1:]:
                raise ValueError(f"optimizer/{name} is of shape {tuple(values.shape)}")
            self._buffer(name)[run].copy_(values)

    def _set_momentum(self, momenta: Sequence[float]) -> None:
        self.momentum_R1 = column(momenta, self.params_RP)
        self._without_momentum = {run for run, momentum in enumerate(momenta) if momentum == 0}
        self.has_momentum = len(self._without_momentum) < len(momenta)

    @abstractmethod
    def step(self, grads_RP: Tensor, lr_R1: Tensor) -> None:
        """Update the parameters in place.

        Args:
            grads_RP: gradient of each run's loss and penalty.
            lr_R1: learning rate of each run; 0 leaves its parameters unchanged, if its gradients are finite.
        """


class SGD(Optimizer):
    """Stochastic gradient descent.

    v <- momentum v + g        W <- W - lr v        (nesterov: W <- W - lr (g + momentum v))

    The learning rate multiplies v, as in torch.optim.SGD (dampening 0); Sutskever et al., ICML 2013,
    include it in v.

    >>> params_RP = torch.tensor([[1.0, 2.0]])
    >>> SGD([SGDConfig()], params_RP).step(torch.tensor([[4.0, 0.0]]), torch.tensor([[0.25]]))
    >>> params_RP.tolist()
    [[0.0, 2.0]]
    """

    def __init__(self, configs: Sequence[SGDConfig], params_RP: Tensor) -> None:
        super().__init__(configs, params_RP)
        self.nesterov = configs[0].nesterov
        self._set_momentum([config.momentum for config in configs])

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

    eps is added outside the root, after the bias correction, as in torch.optim.Adam.

    Source: Kingma & Ba, ICLR 2015.

    >>> params_RP = torch.tensor([[1.0]])  # whatever the gradient, the first step is lr long
    >>> Adam([AdamConfig()], params_RP).step(torch.tensor([[1000.0]]), torch.tensor([[0.25]]))
    >>> params_RP.tolist()
    [[0.75]]
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
    """Adam with decoupled weight decay on every parameter, biases too.

    W <- (1 - lr weight_decay) W, then a step of Adam

    Source: Loshchilov & Hutter, ICLR 2019; as torch.optim.AdamW.

    >>> params_RP = torch.tensor([[1.0]])
    >>> AdamW([AdamWConfig(weight_decay=0.5)], params_RP).step(torch.zeros(1, 1), torch.tensor([[0.5]]))
    >>> params_RP.tolist()
    [[0.75]]
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

    eps is added outside the root, as in torch.optim.RMSprop.

    Source: Hinton, Neural Networks for Machine Learning, lecture 6e, 2012.

    >>> params_RP = torch.tensor([[1.0]])  # the first step is lr / sqrt(1 - alpha) long
    >>> RMSprop([RMSpropConfig(alpha=0.75)], params_RP).step(torch.ones(1, 1), torch.tensor([[0.25]]))
    >>> round(params_RP.item(), 4)
    0.5
    """

    def __init__(self, configs: Sequence[RMSpropConfig], params_RP: Tensor) -> None:
        super().__init__(configs, params_RP)
        self.centered = configs[0].centered
        self.alpha_R1 = column([config.alpha for config in configs], params_RP)
        self.eps_R1 = column([config.eps for config in configs], params_RP)
        self._set_momentum([config.momentum for config in configs])

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
    """Build the update rule of a cohort.

    Args:
        configs: one a run, all of the same class.
        params_RP: the parameters to update in place.
    """
    first = configs[0]
    assert not first.is_closed_form, f"optimizer={first.name} takes no steps: see dlhw.optim.closed_form"
    optimizer: Optimizer = import_builder(first)(configs, params_RP)
    return optimizer
