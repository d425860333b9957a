"""Losses and accuracies of all runs: over the batches of training, and over a whole part."""

from collections.abc import Mapping, Sequence
from math import nan
from typing import Any

import torch
from torch import Tensor

from dlhw import interruption
from dlhw.nn.layer import Context, Workspace
from dlhw.nn.losses import Loss
from dlhw.training.cohort import Cohort
from dlhw.training.events import Scores
from dlhw.training.pool import Pool

# Elements of the widest activation in one chunk of an evaluation: 4 MiB in float32.
CHUNK_ELEMENTS = 2**20
# Elements of outputs kept before they are scored, many steps in one call: 1 MiB in float32, which stays in
# the cache.
KEPT_ELEMENTS = 2**18


class Sums:
    """Sums of each run over samples seen so far, kept on the device: adding to them makes no host wait.

    Args:
        num_runs: R.
        device: where losses are computed.

    Attributes:
        loss: (R,), float64.
        correct: right predictions, (R,); None for regression, or before any sample.
        count: samples.
    """

    def __init__(self, num_runs: int, device: torch.device) -> None:
        self.loss = torch.zeros(num_runs, dtype=torch.float64, device=device)
        self.correct: Tensor | None = None
        self.count = 0

    def add(self, loss_R: Tensor, correct_R: Tensor | None, count: int) -> None:
        """Add sums over more samples."""
        self.loss += loss_R
        self.add_counts(correct_R, count)

    def add_counts(self, correct_R: Tensor | None, count: int) -> None:
        """Add samples whose losses are in already."""
        if correct_R is not None:
            self.correct = correct_R if self.correct is None else self.correct + correct_R
        self.count += count

    def add_samples(self, losses_RN: Tensor, correct_R: Tensor | None) -> None:
        """Add the samples of a chunk."""
        self.add(losses_RN.sum(1, dtype=torch.float64), correct_R, losses_RN.shape[1])

    def scores(self) -> list[Scores]:
        """Means of each run; NaN if there were no samples."""
        losses, count = self.loss.tolist(), self.count
        if not count:
            return [Scores(nan, None)] * len(losses)
        if self.correct is None:
            return [Scores(loss / count, None) for loss in losses]
        pairs = zip(losses, self.correct.tolist(), strict=True)
        return [Scores(loss / count, right / count) for loss, right in pairs]


def correct_count(loss: Loss, out_RNK: Tensor, targets: Tensor) -> Tensor | None:
    """How many predictions of each run are right, (R,); None for regression."""
    predicted_RN = loss.predict(out_RNK)
    return None if predicted_RN is None else (predicted_RN == targets).sum(1)


class RunningScores:
    """Scores over the batches of training, as the parameters were at each of them.

    The outputs of a step are only copied into a buffer; losses and accuracies are computed for many steps at
    once. A loss that is not finite stays visible as NaN of its own run; who makes the steps says at which.

    Args:
        loss: what is measured.
        num_runs: R.
        device: where outputs lie.
    """

    def __init__(self, loss: Loss, num_runs: int, device: torch.device) -> None:
        self.loss, self.num_runs, self.device = loss, num_runs, device
        self._steps: list[tuple[int, Tensor]] = []
        self._kept_RKN: Tensor | None = None
        self._used = 0
        self.diverged_at: list[int | None] = [None] * num_runs
        # since the last `take`; steps that are scored as they are made add to them
        self.sums = Sums(num_runs, device)

    def add(self, step: int, out_RNK: Tensor, targets: Tensor) -> None:
        """Keep the outputs of one step (copied: engines overwrite them) and its targets."""
        kept_RKN = self._room(out_RNK)
        end = self._used + out_RNK.shape[1]
        # samples last, as the losses want them
        kept_RKN[:, :, self._used : end].copy_(out_RNK.mT)
        self._used = end
        self._steps.append((step, targets))

    def find_ended(self, steps: Sequence[int | None]) -> None:
        """Take in the step at which each run's loss or gradient was first not finite.

        Nothing is scored here: when outputs are scored must not depend on how many steps are made at a time.
        """
        known = zip(self.diverged_at, steps, strict=True)
        self.diverged_at = [min((each for each in pair if each is not None), default=None) for pair in known]

    def _room(self, out_RNK: Tensor) -> Tensor:
        """The buffer, with room for one more step."""
        runs, batch, outputs = out_RNK.shape
        if self._kept_RKN is not None and self._used + batch > self._kept_RKN.shape[2]:
            self._fold()
        if self._kept_RKN is None or batch > self._kept_RKN.shape[2]:
            samples = max(batch, KEPT_ELEMENTS // (runs * outputs))
            self._kept_RKN = out_RNK.new_empty(runs, outputs, samples)
        return self._kept_RKN

    def state_of(self, run: int) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """What one run has gathered since `take`: outputs (K, n) and targets not scored yet, and sums.

        They are kept unscored, because scoring fewer at a time would round the sums differently.
        """
        correct = self.sums.correct
        plain = {
            "loss": float(self.sums.loss[run]),
            "correct": None if correct is None else int(correct[run]),
            "count": self.sums.count,
            "steps": [[step, targets.shape[1]] for step, targets in self._steps],
            "diverged_at": self.diverged_at[run],
        }
        if self._kept_RKN is None or not self._steps:
            return {}, plain
        targets = torch.cat([of[run % of.shape[0]] for _, of in self._steps])
        outputs_KN = self._kept_RKN[run, :, : self._used]
        return {"outputs": outputs_KN.cpu().clone(), "targets": targets.cpu().clone()}, plain

    def restore(self, states: Sequence[tuple[Mapping[str, Tensor], Mapping[str, Any]]], like: Tensor) -> None:
        """Be as `state_of` told it of each run; the runs have made the same steps.

        Args:
            states: one a run.
            like: a tensor of the outputs' type, where they lie.

        Raises:
            LookupError, TypeError, ValueError, RuntimeError: if something is missing, or does not fit.
        """
        plain = [of for _, of in states]
        corrects = [of["correct"] for of in plain]
        counted = [int(value) for value in corrects if value is not None]
        losses = torch.tensor([float(of["loss"]) for of in plain], dtype=torch.float64)
        self.sums = Sums(self.num_runs, self.device)
        correct_R = torch.tensor(counted, device=self.device) if counted else None
        self.sums.add(losses.to(self.device), correct_R, int(plain[0]["count"]))
        self.diverged_at = [of["diverged_at"] for of in plain]
        if not plain[0]["steps"]:
            return
        outputs_RKN = torch.stack([tensors["outputs"] for tensors, _ in states]).to(like)
        targets_RN = torch.stack([tensors["targets"] for tensors, _ in states]).to(like.device)
        sizes = [int(size) for _, size in plain[0]["steps"]]
        parts = zip(plain[0]["steps"], outputs_RKN.split(sizes, 2), targets_RN.split(sizes, 1), strict=True)
        for (step, _), out_RKN, targets in parts:
            self.add(int(step), out_RKN.mT, targets)

    def take(self) -> list[Scores]:
        """Scores of each run since the last call."""
        self._fold()
        scores = self.sums.scores()
        self.sums = Sums(self.num_runs, self.device)
        return scores

    def _fold(self) -> None:
        if not self._steps:
            return
        assert self._kept_RKN is not None
        out_RNK = self._kept_RKN[:, :, : self._used].mT
        sets = max(targets.shape[0] for _, targets in self._steps)
        targets = torch.cat([of.expand(sets, *of.shape[1:]) for _, of in self._steps], 1)
        losses_RN = self.loss.per_sample(out_RNK, targets)
        self.sums.add_samples(losses_RN, correct_count(self.loss, out_RNK, targets))
        self._steps, self._used = [], 0


def confusion_counts(targets_N: Tensor, predicted_N: Tensor, num_classes: int) -> Tensor:
    """Counts (K, K): true class by row, predicted class by column.

    >>> confusion_counts(torch.tensor([0, 1, 1]), torch.tensor([0, 0, 1]), 2).tolist()
    [[1, 0], [1, 1]]
    """
    cell_N = targets_N.long() * num_classes + predicted_N.long()
    return torch.bincount(cell_N, minlength=num_classes**2).view(num_classes, num_classes)


class Evaluator:
    """Scores over a whole part with given parameters (R, P), dropout off.

    A signal that is held back ends them with `AbandonedError`.

    Args:
        cohort: whose model, layout and loss are used.
    """

    def __init__(self, cohort: Cohort) -> None:
        self.model, self.loss, self.layout = cohort.model, cohort.loss, cohort.layout
        self.context = Context(workspace=Workspace(reuse=True))

    def scores(self, params_RP: Tensor, pool: Pool) -> list[Scores]:
        """Scores of each run."""
        sums = Sums(params_RP.shape[0], pool.targets.device)
        with torch.no_grad():
            for x, targets in pool.chunks(self._chunk(params_RP)):
                interruption.abandon_if_wanted()
                out_RNK, _ = self.model.forward(self.layout.views(params_RP), x, self.context)
                losses_RN = self.loss.per_sample(out_RNK, targets)
                sums.add_samples(losses_RN, correct_count(self.loss, out_RNK, targets))
        return sums.scores()

    def predictions(self, params_RP: Tensor, pool: Pool) -> Tensor:
        """Predicted class of every sample, (R, n)."""
        predicted = []
        with torch.no_grad():
            for x, _ in pool.chunks(self._chunk(params_RP)):
                interruption.abandon_if_wanted()
                out_RNK, _ = self.model.forward(self.layout.views(params_RP), x, self.context)
                predicted_RN = self.loss.predict(out_RNK)
                assert predicted_RN is not None, "the caller asks for classes only where there are any"
                predicted.append(predicted_RN)
        return torch.cat(predicted, 1)

    def _chunk(self, params_RP: Tensor) -> int:
        return max(16, CHUNK_ELEMENTS // (params_RP.shape[0] * self.model.max_activation_size))
