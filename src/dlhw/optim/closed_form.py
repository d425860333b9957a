"""Linear regression in closed form: the weights of all runs from one decomposition of each data set.

Shape suffixes: S is 1 if all runs share the samples, else R; n samples, I inputs, K outputs, M = min(n, I)
singular values.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from dlhw.config.optimizer import MinNormConfig, OptimizerConfig, RidgeConfig
from dlhw.config.registry import import_builder
from dlhw.errors import ConfigError
from dlhw.random import generator


@dataclass(frozen=True)
class Decomposition:
    """Thin singular value decomposition X = U diag(s) V^T in float64.

    Args:
        u_nM: orthonormal columns.
        s_M: singular values in descending order; those <= eps max(n, I) s_1 are set to 0.
        vt_MI: orthonormal rows.

    >>> Decomposition.of(torch.tensor([[1.0, 0.0], [2.0, 0.0]])).rank
    1
    """

    u_nM: Tensor
    s_M: Tensor
    vt_MI: Tensor

    @classmethod
    def of(cls, inputs_nI: Tensor) -> "Decomposition":
        """Decompose the inputs of one data set."""
        u_nM, s_M, vt_MI = torch.linalg.svd(inputs_nI.double(), full_matrices=False)
        # the default tolerance of numpy.linalg.matrix_rank and torch.linalg.pinv
        cut_1 = s_M[:1] * torch.finfo(s_M.dtype).eps * max(inputs_nI.shape)
        return cls(u_nM, s_M.where(s_M > cut_1, 0), vt_MI)

    def ridge(self, targets_SnK: Tensor, alphas_R: Tensor) -> Tensor:
        """W = V diag(s / (s^2 + alpha)) U^T Y for each alpha, (R, I, K); the factor is 0 for s = 0."""
        # divide s = 0 by 1, so that the factor is 0 for every alpha, 0 included
        filter_RM = self.s_M / (self.s_M.square() + alphas_R.unsqueeze(1)).where(self.s_M > 0, 1)
        return self.vt_MI.T @ (filter_RM.unsqueeze(2) * (self.u_nM.T @ targets_SnK.double()))

    def in_null_space(self, z_RIK: Tensor) -> Tensor:
        """Projection of z onto the null space of X: z - V V^T z, over the V with singular values > 0."""
        v_MI = self.vt_MI * (self.s_M > 0).unsqueeze(1)
        once_RIK = z_RIK - v_MI.T @ (v_MI @ z_RIK)
        return once_RIK - v_MI.T @ (v_MI @ once_RIK)  # once more, against rounding errors

    @property
    def rank(self) -> int:
        """Numerical rank of the inputs."""
        return int((self.s_M > 0).sum())


class Solver(ABC):
    """Base of solvers for the weights of a linear model without bias.

    Args:
        configs: one a run, all of the same class.
        seeds: of the runs.
    """

    def __init__(self, configs: Sequence[OptimizerConfig], seeds: Sequence[int]) -> None:
        self.configs, self.seeds = configs, seeds

    def solve(self, inputs_SnI: Tensor, targets_SnK: Tensor) -> Tensor:
        """Solve for every run; runs with equal inputs share one decomposition.

        Args:
            inputs_SnI: flattened samples; S is 1 if all runs share them.
            targets_SnK: their targets.

        Returns:
            Weights (R, I, K) in float64, on the device of the inputs.

        Raises:
            ConfigError: if the solution that the config asks for does not exist for these inputs.
        """
        shape = (len(self.configs), inputs_SnI.shape[2], targets_SnK.shape[2])
        weights_RIK = torch.empty(shape, dtype=torch.float64, device=inputs_SnI.device)
        for runs in with_same_inputs(inputs_SnI, len(self.configs)):
            inputs_nI = inputs_SnI[runs[0] if len(inputs_SnI) > 1 else 0]
            targets = targets_SnK[runs] if len(targets_SnK) > 1 else targets_SnK
            weights_RIK[runs] = self.solve_some(runs, Decomposition.of(inputs_nI), targets)
        return weights_RIK

    @abstractmethod
    def solve_some(self, runs: Sequence[int], inputs: Decomposition, targets_SnK: Tensor) -> Tensor:
        """Weights (len(runs), I, K) of runs that share these inputs."""


def with_same_inputs(inputs_SnI: Tensor, num_runs: int) -> list[list[int]]:
    """Groups of runs with equal inputs."""
    if len(inputs_SnI) == 1:
        return [list(range(num_runs))]
    groups: list[list[int]] = []
    for run, inputs_nI in enumerate(inputs_SnI):
        equal = next((group for group in groups if inputs_SnI[group[0]].equal(inputs_nI)), None)
        if equal is None:
            groups.append([run])
        else:
            equal.append(run)
    return groups


class MinNorm(Solver):
    """Least squares solution of least norm.

    W = pinv(X) Y, which is X^T (X X^T)^-1 Y if X X^T is invertible

    With null_space_norm = c > 0 a vector zeta with X zeta = 0 and |zeta| = c, of random direction, is added
    to the weights w of each output: predictions on the training samples stay, the norm grows to
    sqrt(|w|^2 + c^2).

    Source: Golub & Van Loan, "Matrix Computations", section 5.5.

    >>> x_SnI, y_SnK = torch.tensor([[[1.0, 1.0]]]), torch.tensor([[[2.0]]])
    >>> MinNorm([MinNormConfig()], [0]).solve(x_SnI, y_SnK).round(decimals=6).tolist()
    [[[1.0], [1.0]]]
    """

    configs: Sequence[MinNormConfig]

    def solve_some(self, runs: Sequence[int], inputs: Decomposition, targets_SnK: Tensor) -> Tensor:
        weights_RIK = inputs.ridge(targets_SnK, targets_SnK.new_zeros(len(runs), dtype=torch.float64))
        norms = [self.configs[run].null_space_norm for run in runs]
        if not any(norms):
            return weights_RIK
        return weights_RIK + self._null_space(inputs, weights_RIK, norms, [self.seeds[run] for run in runs])

    def _null_space(
        self, inputs: Decomposition, like_RIK: Tensor, norms: Sequence[float], seeds: Sequence[int]
    ) -> Tensor:
        """A random vector of the null space for each output, of its run's norm; zeros if that is 0."""
        if inputs.rank == like_RIK.shape[1]:
            norm = next(norm for norm in norms if norm > 0)
            raise ConfigError(
                f"optimizer.null_space_norm={norm} needs more inputs than independent samples: the "
                f"{inputs.rank} inputs of the training split have rank {inputs.rank}, so the best fit is "
                "unique"
            )
        z_RIK = torch.stack([_normal(seed, like_RIK[0]) for seed in seeds]).to(like_RIK.device)
        zeta_RIK = inputs.in_null_space(z_RIK)
        unit_RIK = zeta_RIK / torch.linalg.vector_norm(zeta_RIK, dim=1, keepdim=True)
        norm_R11 = unit_RIK.new_tensor(norms).view(-1, 1, 1)
        return torch.where(norm_R11 > 0, norm_R11 * unit_RIK, 0)


def _normal(seed: int, like_IK: Tensor) -> Tensor:
    # the stream of initial weights, with a counter of its own so that no model draws the same numbers
    return torch.randn(like_IK.shape, generator=generator(seed, "init", 1), dtype=torch.float64)


class Ridge(Solver):
    """Ridge regression.

    W = argmin |X W - Y|^2 + alpha |W|^2 = (X^T X + alpha I)^-1 X^T Y; pinv(X) Y for alpha = 0

    Sums over samples and entries, no means and no factors 1/2. All alphas of a data set share one
    decomposition.

    Source: Hoerl & Kennard, "Ridge regression", Technometrics 12 (1970).

    >>> Ridge([RidgeConfig(alpha=1.0)], [0]).solve(torch.tensor([[[1.0]]]), torch.tensor([[[2.0]]])).item()
    1.0
    """

    configs: Sequence[RidgeConfig]

    def solve_some(self, runs: Sequence[int], inputs: Decomposition, targets_SnK: Tensor) -> Tensor:
        alphas = [self.configs[run].alpha for run in runs]
        return inputs.ridge(targets_SnK, targets_SnK.new_tensor(alphas, dtype=torch.float64))


def build_solver(configs: Sequence[OptimizerConfig], seeds: Sequence[int]) -> Solver:
    """Build the solver of a cohort.

    Args:
        configs: one a run, all of the same class.
        seeds: of the runs.
    """
    solver: Solver = import_builder(configs[0])(configs, seeds)
    return solver
