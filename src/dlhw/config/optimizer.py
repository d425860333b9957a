"""Config groups `optimizer` and `schedule`: update rules, closed-form solvers and learning rates."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from dlhw.config.fields import per_run
from dlhw.config.group import at_least, in_half_open, positive
from dlhw.config.registry import Option


def _betas() -> list[float]:
    return [0.9, 0.999]


@dataclass(kw_only=True)
class OptimizerConfig(Option):
    """Base of all update rules and solvers."""

    is_closed_form: ClassVar[bool] = False
    """whether the optimum is computed at once, without steps"""

    def state_copies(self) -> int:
        """How many tensors of the parameters' size are kept beside them; memory is planned with it."""
        raise NotImplementedError(f"{type(self).__name__}.state_copies must say how much memory it needs")

    @property
    def lr(self) -> float:
        """Learning rate; 0 for solvers, which take no steps."""
        return 0.0


@dataclass(kw_only=True)
class UpdateRuleConfig(OptimizerConfig):
    """Base of all update rules: gradient steps with a learning rate."""

    lr: float = per_run(0.1)
    """learning rate"""

    def problems(self) -> Iterator[str]:
        yield from positive("optimizer.lr", self.lr)


@dataclass(kw_only=True)
class SGDConfig(UpdateRuleConfig):
    """Stochastic gradient descent with momentum, as torch.optim.SGD."""

    builder = "dlhw.optim.optimizers:SGD"
    name: str = "sgd"
    momentum: float = per_run(0.0)
    """momentum factor on the running sum of gradients"""
    nesterov: bool = False
    """use Nesterov's momentum, which looks ahead"""

    def state_copies(self) -> int:
        return 1

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        yield from in_half_open("optimizer.momentum", self.momentum, 0, 1)
        if self.nesterov and self.momentum == 0:
            yield "optimizer.nesterov=true needs optimizer.momentum > 0, got 0"


@dataclass(kw_only=True)
class AdamConfig(UpdateRuleConfig):
    """Adam, as torch.optim.Adam."""

    builder = "dlhw.optim.optimizers:Adam"
    name: str = "adam"
    lr: float = per_run(1e-3)
    betas: list[float] = per_run(_betas)
    """decay rates of the running means of the gradient and of its square"""
    eps: float = per_run(1e-8)
    """term added to the square root of the second moment"""

    def state_copies(self) -> int:
        return 2

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        yield from positive("optimizer.eps", self.eps)
        if len(self.betas) != 2:
            yield f"optimizer.betas must hold two numbers, got {self.betas}"
        for position, beta in enumerate(self.betas):
            yield from in_half_open(f"optimizer.betas[{position}]", beta, 0, 1)


@dataclass(kw_only=True)
class AdamWConfig(AdamConfig):
    """Adam with decoupled weight decay on every parameter, as torch.optim.AdamW."""

    builder = "dlhw.optim.optimizers:AdamW"
    name: str = "adamw"
    weight_decay: float = per_run(1e-2)
    """decoupled weight decay: every step multiplies parameters by 1 - lr * weight_decay; not a regularizer"""

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        yield from at_least("optimizer.weight_decay", self.weight_decay, 0)


@dataclass(kw_only=True)
class RMSpropConfig(UpdateRuleConfig):
    """RMSprop, as torch.optim.RMSprop."""

    builder = "dlhw.optim.optimizers:RMSprop"
    name: str = "rmsprop"
    lr: float = per_run(1e-2)
    alpha: float = per_run(0.99)
    """decay rate of the running mean of squared gradients"""
    eps: float = per_run(1e-8)
    """term added to the square root of the running mean"""
    momentum: float = per_run(0.0)
    """momentum factor on the running sum of scaled gradients"""
    centered: bool = False
    """center the second moment: subtract the square of the running mean of gradients"""

    def state_copies(self) -> int:
        return 2 + self.centered

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        yield from in_half_open("optimizer.alpha", self.alpha, 0, 1)
        yield from positive("optimizer.eps", self.eps)
        yield from in_half_open("optimizer.momentum", self.momentum, 0, 1)


@dataclass(kw_only=True)
class SolverConfig(OptimizerConfig):
    """Base of solvers, which compute the weights of model=linear (without bias) in closed form."""

    is_closed_form: ClassVar[bool] = True

    def state_copies(self) -> int:
        return 2


@dataclass(kw_only=True)
class MinNormConfig(SolverConfig):
    """Least squares in closed form: of all weights that minimise |XW - Y|^2, those of smallest norm."""

    builder = "dlhw.optim.closed_form:MinNorm"
    name: str = "min_norm"
    null_space_norm: float = per_run(0.0)
    """length of a random vector added to each output's weights that changes no prediction on the training
    part; 0: none"""

    def problems(self) -> Iterator[str]:
        yield from at_least("optimizer.null_space_norm", self.null_space_norm, 0)


@dataclass(kw_only=True)
class RidgeConfig(SolverConfig):
    """Ridge regression in closed form: minimises |XW - Y|^2 + alpha |W|^2 (sums over samples, not means)."""

    builder = "dlhw.optim.closed_form:Ridge"
    name: str = "ridge"
    alpha: float = per_run(1.0)
    """strength of the penalty; 0: the same result as min_norm"""

    def problems(self) -> Iterator[str]:
        yield from at_least("optimizer.alpha", self.alpha, 0)


@dataclass(kw_only=True)
class ScheduleConfig(Option):
    """Base of all schedules: a factor on the learning rate for each epoch."""


@dataclass(kw_only=True)
class ConstantConfig(ScheduleConfig):
    """Constant learning rate."""

    builder = "dlhw.optim.schedules:constant"
    name: str = "constant"


@dataclass(kw_only=True)
class StepConfig(ScheduleConfig):
    """Multiply by gamma every `step_size` epochs, as torch's StepLR."""

    builder = "dlhw.optim.schedules:step"
    name: str = "step"
    step_size: int = 10
    """number of epochs between two reductions"""
    gamma: float = per_run(0.1)
    """factor on the learning rate at each reduction"""

    def problems(self) -> Iterator[str]:
        yield from at_least("schedule.step_size", self.step_size, 1)
        yield from positive("schedule.gamma", self.gamma)


@dataclass(kw_only=True)
class ExponentialConfig(ScheduleConfig):
    """Multiply by gamma every epoch, as torch's ExponentialLR."""

    builder = "dlhw.optim.schedules:exponential"
    name: str = "exponential"
    gamma: float = per_run(0.95)
    """factor on the learning rate at each epoch"""

    def problems(self) -> Iterator[str]:
        yield from positive("schedule.gamma", self.gamma)


@dataclass(kw_only=True)
class CosineConfig(ScheduleConfig):
    """Decrease along half a cosine over all epochs, as torch's CosineAnnealingLR with T_max = epochs."""

    builder = "dlhw.optim.schedules:cosine"
    name: str = "cosine"
    final: float = per_run(0.0)
    """final learning rate as a fraction of the initial one"""

    def problems(self) -> Iterator[str]:
        if not 0 <= self.final <= 1:
            yield f"schedule.final must be in [0, 1], got {self.final}"
