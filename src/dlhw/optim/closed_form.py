"""Linear regression in closed form: weights of every run at once, by one decomposition of its inputs.

Shape suffixes: S is 1 where all runs share the samples, else R; n samples, I inputs, K outputs, M = min(n, I)
singular values.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from dlhw.config.optimizer import MinNormConfig, OptimizerConfig, RidgeConfig
from dlhw.errors import ConfigError
from dlhw.random import generator


@dataclass(frozen=True)
class Decomposition:
    """Thin singular value decomposition X = U diag(s) V^T in float64, and X's numerical rank.

    Args:
        u_SnM: orthonormal columns.
        s_SM: singular values, falling; those at or below eps max(n, I) s_1 are set to 0.
        vt_SMI: orthonormal rows.
    """

    u_SnM: Tensor
    s_SM: Tensor
    vt_SMI: Tensor

    @classmethod
    def of(cls, inputs_SnI: Tensor) -> "Decomposition":
        """Decompose the inputs of every run."""
        u_SnM, s_SM, vt_SMI = torch.linalg.svd(inputs_SnI.double(), full_matrices=False)
        # as numpy.linalg.matrix_rank and torch.linalg.pinv have it
        cut_S1 = s_SM[:, :1] * torch.finfo(s_SM.dtype).eps * max(inputs_SnI.shape[1:])
        return cls(u_SnM, s_SM.where(s_SM > cut_S1, 0), vt_SMI)

    def ridge(self, targets_SnK: Tensor, alphas_R: Tensor) -> Tensor:
        """W = V diag(s / (s^2 + alpha)) U^T Y for each alpha, (R, I, K); what s = 0 belongs to gets 0."""
        s_RM = self.s_SM.expand(len(alphas_R), -1)
        # s = 0 is divided by 1: its share is 0 whatever alpha is
        filter_RM = s_RM / (s_RM.square() + alphas_R.unsqueeze(1)).where(s_RM > 0, 1)
        return self.vt_SMI.mT @ (filter_RM.unsqueeze(2) * (self.u_SnM.mT @ targets_SnK.double()))

    def in_null_space(self, z_RIK: Tensor) -> Tensor:
        """The part of z that X maps to 0: z - V V^T z, over the V whose singular value is not 0."""
        v_SMI = self.vt_SMI * (self.s_SM > 0).unsqueeze(2)
        once_RIK = z_RIK - v_SMI.mT @ (v_SMI @ z_RIK)
        return once_RIK - v_SMI.mT @ (v_SMI @ once_RIK)  # what rounding left

    def ranks(self) -> list[int]:
        """Of each run's inputs."""
        return (self.s_SM > 0).sum(1).tolist()


class Solver(ABC):
    """Finds the weights of a linear model without bias at once.

    Args:
        configs: one a run, all of the same kind.
        seeds: of the runs.
    """

    def __init__(self, configs: Sequence[OptimizerConfig], seeds: Sequence[int]) -> None:
        self.configs, self.seeds = configs, seeds

    @abstractmethod
    def solve(self, inputs_SnI: Tensor, targets_SnK: Tensor) -> Tensor:
        """Solve for every run.

        Args:
            inputs_SnI: samples, flattened; S is 1 where all runs share them.
            targets_SnK: their targets.

        Returns:
            Weights (R, I, K) in float64, on the device of the inputs.

        Raises:
            ConfigError: if the inputs do not allow what the config asks for.
        """


class MinNorm(Solver):
    """Least squares of least norm, W = X^T (X X^T)^-1 Y where X X^T is invertible, and pinv(X) Y in general.

    With null_space_norm = c > 0 a vector zeta with X zeta = 0 and |zeta| = c, of random direction, is added
    to the weights w of each output: predictions on the training samples stay, the norm grows to
    sqrt(|w|^2 + c^2).

    Source: Golub & Van Loan, "Matrix Computations", section 5.5.
    """

    configs: Sequence[MinNormConfig]

    def solve(self, inputs_SnI: Tensor, targets_SnK: Tensor) -> Tensor:
        decomposition = Decomposition.of(inputs_SnI)
        zeros_R = torch.zeros(len(self.configs), dtype=torch.float64, device=inputs_SnI.device)
        weights_RIK = decomposition.ridge(targets_SnK, zeros_R)
        norms = [config.null_space_norm for config in self.configs]
        return (
            weights_RIK + self._null_space(decomposition, weights_RIK, norms) if any(norms) else weights_RIK
        )

    def _null_space(self, decomposition: Decomposition, like_RIK: Tensor, norms: list[float]) -> Tensor:
        """A vector of each given norm for each output; zeros where the norm is 0."""
        num_inputs = like_RIK.shape[1]
        ranks = decomposition.ranks() * (len(norms) if len(decomposition.s_SM) == 1 else 1)
        for norm, rank in zip(norms, ranks, strict=True):
            if norm > 0 and rank == num_inputs:
                raise ConfigError(
                    f"optimizer.null_space_norm={norm} needs more inputs than independent samples: the "
                    f"{num_inputs} inputs of the training part have rank {rank}, so the best fit is unique"
                )
        z_RIK = torch.stack([_normal(seed, like_RIK[0]) for seed in self.seeds]).to(like_RIK.device)
        zeta_RIK = decomposition.in_null_space(z_RIK)
        unit_RIK = zeta_RIK / torch.linalg.vector_norm(zeta_RIK, dim=1, keepdim=True)
        norm_R11 = unit_RIK.new_tensor(norms).view(-1, 1, 1)
        return torch.where(norm_R11 > 0, norm_R11 * unit_RIK, 0)


def _normal(seed: int, like_IK: Tensor) -> Tensor:
    # what gradient descent would get as its start; the counter keeps it apart from the weights of a model
    return torch.randn(like_IK.shape, generator=generator(seed, "init", 1), dtype=torch.float64)


class Ridge(Solver):
    """W that minimises |X W - Y|^2 + alpha |W|^2: W = (X^T X + alpha I)^-1 X^T Y; pinv(X) Y for alpha = 0.

    Sums over samples and entries, without means or halves. All alphas of a cohort take one decomposition.

    Source: Hoerl & Kennard, "Ridge regression", Technometrics 12 (1970).
    """

    configs: Sequence[RidgeConfig]

    def solve(self, inputs_SnI: Tensor, targets_SnK: Tensor) -> Tensor:
        alphas = [config.alpha for config in self.configs]
        alphas_R = torch.tensor(alphas, dtype=torch.float64, device=inputs_SnI.device)
        return Decomposition.of(inputs_SnI).ridge(targets_SnK, alphas_R)


SOLVERS: dict[type[OptimizerConfig], type[Solver]] = {MinNormConfig: MinNorm, RidgeConfig: Ridge}


def build_solver(configs: Sequence[OptimizerConfig], seeds: Sequence[int]) -> Solver:
    """The solver that the configs name, for runs with these seeds."""
    return SOLVERS[type(configs[0])](configs, seeds)
