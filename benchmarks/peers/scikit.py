"""scikit-learn's MLPClassifier, an epoch at a time."""

from collections.abc import Sequence

import numpy as np
import torch
from sklearn.neural_network import MLPClassifier

from benchmarks.problem import ALPHA, NUM_CLASSES, Problem, Weights


class Scikit:
    """`partial_fit` on the samples in dlhw's order, without its own shuffling.

    scikit-learn divides the penalty by the batch, hence alpha is multiplied by it.
    """

    def __init__(self, problem: Problem, weights: Sequence[Weights]) -> None:
        (only,) = weights
        self.problem, self.names = problem, only
        self.inputs = problem.inputs.flatten(1).numpy()
        self.labels = problem.labels.numpy()
        self.network = MLPClassifier(
            (problem.width,), activation="logistic", solver="sgd", alpha=ALPHA * problem.batch_size,
            batch_size=problem.batch_size, learning_rate_init=problem.lrs[0], momentum=0.0,
            nesterovs_momentum=False, shuffle=False,
        )  # fmt: skip
        self._start_from(only)

    def _start_from(self, weights: Weights) -> None:
        """Overwrite the parameters, which exist only after a first call."""
        first = slice(0, self.problem.batch_size)
        self.network.partial_fit(self.inputs[first], self.labels[first], classes=np.arange(NUM_CLASSES))
        for layer in (0, 1):
            self.network.coefs_[layer][...] = weights[f"fc{layer + 1}.weight"].numpy()
            self.network.intercepts_[layer][...] = weights[f"fc{layer + 1}.bias"].numpy()

    def train(self, epoch: int) -> None:
        """The updates of a round."""
        order = self.problem.order(epoch).numpy()
        self.network.partial_fit(self.inputs[order], self.labels[order])

    def weights(self) -> list[Weights]:
        """The only run's parameters."""
        values = [*self.network.coefs_, *self.network.intercepts_]
        names = ["fc1.weight", "fc2.weight", "fc1.bias", "fc2.bias"]
        by_name = dict(zip(names, values, strict=True))
        return [{name: torch.from_numpy(by_name[name].copy()) for name in self.names}]
