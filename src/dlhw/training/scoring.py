"""Losses and accuracies of all runs: over the batches of training, and over a whole part."""

from dataclasses import dataclass
from math import nan

import torch
from torch import Tensor

from dlhw.nn.context import Context, Workspace
from dlhw.nn.losses import Loss
from dlhw.nn.network import Network
from dlhw.nn.parameters import Views
from dlhw.training.events import Scores
from dlhw.training.pool import Pool

# Elements of the widest activation in one chunk of an evaluation: 4 MiB in float32.
CHUNK_ELEMENTS = 2**20
# Elements of outputs kept before they are scored, many steps in one call: 1 MiB in float32, which stays in
# the cache.
KEPT_ELEMENTS = 2**18


@dataclass
class Sums:
    """Sums of each run over samples seen so far, on the host."""

    loss: list[float]
    correct: list[float] | None
    count: int

    def scores(self) -> list[Scores]:
        """Means of each run; NaN if there were no samples."""
        if not self.count:
            return [Scores(nan, None)] * len(self.loss)
        accuracies: list[float | None] = [None] * len(self.loss)
        if self.correct is not None:
            accuracies = [value / self.count for value in self.correct]
        losses = [value / self.count for value in self.loss]
        return [Scores(loss, accuracy) for loss, accuracy in zip(losses, accuracies, strict=True)]


def correct_count(loss: Loss, out_RNK: Tensor, targets: Tensor) -> Tensor | None:
    """How many predictions of each run are right, (R,); None for regression."""
    predicted_RN = loss.predict(out_RNK)
    return None if predicted_RN is None else (predicted_RN == targets).sum(1)


class RunningScores:
    """Scores over the batches of training, as the parameters were at each of them.

    The outputs of a step are only copied into a buffer; losses and accuracies are computed for many steps at
    once, and read by the host then. A loss that is not finite stays visible as NaN of its own run, and the
    step of the first is found.

    Args:
        loss: what is measured.
        num_runs: R.
    """

    def __init__(self, loss: Loss, num_runs: int) -> None:
        self.loss, self.num_runs = loss, num_runs
        self._steps: list[tuple[int, Tensor]] = []
        self._kept_RKN: Tensor | None = None
        self._used = 0
        self.diverged_at: list[int | None] = [None] * num_runs
        self._reset()

    def _reset(self) -> None:
        self._sums = Sums([0.0] * self.num_runs, None, 0)

    def add(self, step: int, out_RNK: Tensor, targets: Tensor) -> None:
        """Keep the outputs of one step (copied: engines overwrite them) and its targets."""
        kept_RKN = self._room(out_RNK)
        end = self._used + out_RNK.shape[1]
        # samples last, as the losses want them
        kept_RKN[:, :, self._used : end].copy_(out_RNK.mT)
        self._used = end
        self._steps.append((step, targets))

    def _room(self, out_RNK: Tensor) -> Tensor:
        """The buffer, with room for one more step."""
        runs, batch, outputs = out_RNK.shape
        if self._kept_RKN is not None and self._used + batch > self._kept_RKN.shape[2]:
            self._fold()
        if self._kept_RKN is None or batch > self._kept_RKN.shape[2]:
            samples = max(batch, KEPT_ELEMENTS // (runs * outputs))
            self._kept_RKN = out_RNK.new_empty(runs, outputs, samples)
        return self._kept_RKN

    def take(self) -> list[Scores]:
        """Scores of each run since the last call."""
        self._fold()
        scores = self._sums.scores()
        self._reset()
        return scores

    def _fold(self) -> None:
        if not self._steps:
            return
        assert self._kept_RKN is not None
        out_RNK = self._kept_RKN[:, :, : self._used].mT
        targets = torch.cat([targets for _, targets in self._steps], 1)
        losses_RN = self.loss.per_sample(out_RNK, targets)
        self._find_divergence(losses_RN)
        add_sums(self._sums, losses_RN, correct_count(self.loss, out_RNK, targets))
        self._steps, self._used = [], 0

    def _find_divergence(self, losses_RN: Tensor) -> None:
        bad_RN = ~losses_RN.isfinite()
        if not bool(bad_RN.any()):
            return
        steps = [step for step, targets in self._steps for _ in range(targets.shape[1])]
        for run in range(self.num_runs):
            if self.diverged_at[run] is None and bool(bad_RN[run].any()):
                self.diverged_at[run] = steps[int(bad_RN[run].int().argmax())]


def add_sums(sums: Sums, losses_RN: Tensor, correct_R: Tensor | None) -> None:
    """Add the samples of a chunk."""
    totals = losses_RN.sum(1, dtype=torch.float64).tolist()
    sums.loss = [old + new for old, new in zip(sums.loss, totals, strict=True)]
    if correct_R is not None:
        before = sums.correct or [0.0] * len(totals)
        sums.correct = [old + new for old, new in zip(before, correct_R.tolist(), strict=True)]
    sums.count += losses_RN.shape[1]


class Evaluator:
    """Scores over a whole part with given parameters, dropout off.

    Args:
        model: the cohort's.
        loss: what is measured.
    """

    def __init__(self, model: Network, loss: Loss) -> None:
        self.model, self.loss = model, loss
        self.context = Context(workspace=Workspace(reuse=True))

    def scores(self, params: Views, pool: Pool, num_runs: int) -> list[Scores]:
        """Scores of each run."""
        sums = Sums([0.0] * num_runs, None, 0)
        with torch.no_grad():
            for x, targets in pool.chunks(self._chunk(num_runs)):
                out_RNK, _ = self.model.forward(params, x, self.context)
                losses_RN = self.loss.per_sample(out_RNK, targets)
                add_sums(sums, losses_RN, correct_count(self.loss, out_RNK, targets))
        return sums.scores()

    def confusion(self, params: Views, pool: Pool, num_runs: int, num_classes: int) -> Tensor:
        """Counts (R, K, K) on the CPU: true class by row, predicted class by column."""
        counts = torch.zeros(num_runs, num_classes * num_classes, dtype=torch.long)
        cell_RN = (pool.targets * num_classes + self.predictions(params, pool, num_runs)).cpu()
        counts.scatter_add_(1, cell_RN, torch.ones_like(cell_RN))
        return counts.view(num_runs, num_classes, num_classes)

    def predictions(self, params: Views, pool: Pool, num_runs: int) -> Tensor:
        """Predicted class of every sample, (R, n)."""
        predicted = []
        with torch.no_grad():
            for x, _ in pool.chunks(self._chunk(num_runs)):
                out_RNK, _ = self.model.forward(params, x, self.context)
                predicted_RN = self.loss.predict(out_RNK)
                assert predicted_RN is not None, "the caller asks for classes only where there are any"
                predicted.append(predicted_RN)
        return torch.cat(predicted, 1)

    def _chunk(self, num_runs: int) -> int:
        return max(16, CHUNK_ELEMENTS // (num_runs * self.model.widest))
