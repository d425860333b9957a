"""cs229's regressions on drawn samples, in NumPy: normal equations, and descent of a quadratic parameterization."""

from collections.abc import Sequence
from functools import cache

import numpy as np

FIRST_SEED = 1000
DIM, NUM_VAL = 500, 1000


@cache
def least_squares(num_train: int, alpha: float, num_seeds: int) -> dict[str, Sequence[float]]:
    """Half the validation error of (X'X + alpha I)^-1 X'y, the solution of least norm for alpha = 0.

    500 standard normal inputs, a teacher of norm 1, noise .5, 1,000 validation samples.
    """
    losses = []
    for seed in range(FIRST_SEED, FIRST_SEED + num_seeds):
        stream = np.random.default_rng(seed)
        teacher_I = stream.standard_normal(DIM)
        teacher_I /= np.linalg.norm(teacher_I)
        x_NI = stream.standard_normal((num_train, DIM))
        y_N = x_NI @ teacher_I + 0.5 * stream.standard_normal(num_train)
        val_NI = stream.standard_normal((NUM_VAL, DIM))
        val_N = val_NI @ teacher_I + 0.5 * stream.standard_normal(NUM_VAL)
        if num_train < DIM:  # X' (X X' + alpha I)^-1 y is the same, and exists for alpha = 0
            weights_I = x_NI.T @ np.linalg.solve(x_NI @ x_NI.T + alpha * np.eye(num_train), y_N)
        else:
            weights_I = np.linalg.solve(x_NI.T @ x_NI + alpha * np.eye(DIM), x_NI.T @ y_N)
        losses.append(float(np.mean((val_NI @ weights_I - val_N) ** 2) / 2))
    return {"final/val/loss": losses}


@cache
def quadratic(num_seeds: int, lr: float = 0.08, steps: int = 1000) -> dict[str, Sequence[float]]:
    """A quarter of the errors of f(x) = x . (theta^2 - phi^2) after some steps of descent from .1.

    40 samples of 200 standard normal inputs, a teacher of five ones, no noise.
    """
    dim, num = 200, 40
    teacher_I = (np.arange(dim) < 5).astype(float)
    train_losses, val_losses = [], []
    for seed in range(FIRST_SEED, FIRST_SEED + num_seeds):
        stream = np.random.default_rng(seed)
        x_NI, val_NI = stream.standard_normal((num, dim)), stream.standard_normal((500, dim))
        theta_I, phi_I = np.full(dim, 0.1), np.full(dim, 0.1)
        for _ in range(steps):
            residual_N = x_NI @ (theta_I**2 - phi_I**2 - teacher_I)
            slope_I = residual_N @ x_NI / num  # of the loss mean(residual^2) / 4, over theta and -phi
            theta_I, phi_I = theta_I - lr * slope_I * theta_I, phi_I + lr * slope_I * phi_I
        error_I = theta_I**2 - phi_I**2 - teacher_I
        train_losses.append(float(np.mean((x_NI @ error_I) ** 2) / 4))
        val_losses.append(float(np.mean((val_NI @ error_I) ** 2) / 4))
    return {"final/train/loss": train_losses, "final/val/loss": val_losses}
