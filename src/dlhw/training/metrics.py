"""Losses and accuracies of all runs: over the batches of training, and over a whole split."""

from collections.abc import Mapping, Sequence
from math import nan
from typing import Any

import torch
from torch import Tensor

from dlhw import interruption
from dlhw.nn.layer import Context, Workspace
from dlhw.nn.losses import Loss
from dlhw.training.batches import DeviceDataset
from dlhw.training.cohort import Cohort
from dlhw.training.events import Scores

# Elements of the widest activation in one chunk of an evaluation: 4 MiB in float32.
CHUNK_ELEMENTS = 2**20
# Elements of outputs buffered before they are scored, many steps in one call: 1 MiB in float32, which stays
# in the cache.
BUFFER_ELEMENTS = 2**18


class MetricSums:
    """Sums of each run over the samples so far, on the device: adding to them makes no host wait.

    Args:
        num_runs: R.
        device: where losses are computed.

    Attributes:
        loss: (R,), float64.
        correct: number of correct predictions, (R,); None for regression, or before any sample.
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
        """Add samples whose losses have been added already."""
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
        return [Scores(loss / count, correct / count) for loss, correct in pairs]


def correct_count(loss: Loss, out_RNK: Tensor, targets: Tensor) -> Tensor | None:
    """Number of correct predictions of each run, (R,); None for regression."""
    predicted_RN = loss.predict(out_RNK)
    return None if predicted_RN is None else (predicted_RN == targets).sum(1)


class TrainMetrics:
    """Scores over the batches of training, with the parameters that each batch was trained with.

    The outputs of a step are only copied into a buffer; losses and accuracies are computed for many steps at
    once. A loss that is not finite stays visible as NaN of its own run; the backend says at which step.

    Args:
        loss: of the model.
        num_runs: R.
        device: where outputs lie.
    """

    def __init__(self, loss: Loss, num_runs: int, device: torch.device) -> None:
        self.loss, self.num_runs, self.device = loss, num_runs, device
        self._steps: list[tuple[int, Tensor]] = []
        self._buffer_RKN: Tensor | None = None
        self._used = 0
        self.diverged_at: list[int | None] = [None] * num_runs
        # since the last `pop`; a backend that scores its steps itself adds to them
        self.sums = MetricSums(num_runs, device)

    def add(self, step: int, out_RNK: Tensor, targets: Tensor) -> None:
        """Copy the outputs of one step (the backend overwrites them), and note its targets."""
        buffer_RKN = self._reserve(out_RNK)
        end = self._used + out_RNK.shape[1]
        # samples last, as the losses expect them
        buffer_RKN[:, :, self._used : end].copy_(out_RNK.mT)
        self._used = end
        self._steps.append((step, targets))

    def record_diverged(self, steps: Sequence[int | None]) -> None:
        """Record the step at which each run's loss or gradient was first not finite.

        Nothing is scored here: when outputs are scored must not depend on how many steps a chunk has.
        """
        known = zip(self.diverged_at, steps, strict=True)
        self.diverged_at = [min((step for step in pair if step is not None), default=None) for pair in known]

    def _reserve(self, out_RNK: Tensor) -> Tensor:
        """The buffer, with space for one more step."""
        runs, batch, outputs = out_RNK.shape
        if self._buffer_RKN is not None and self._used + batch > self._buffer_RKN.shape[2]:
            self._flush()
        if self._buffer_RKN is None or batch > self._buffer_RKN.shape[2]:
            samples = max(batch, BUFFER_ELEMENTS // (runs * outputs))
            self._buffer_RKN = out_RNK.new_empty(runs, outputs, samples)
        return self._buffer_RKN

    def state_dict(self, run: int) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """What one run has gathered since `pop`: outputs (K, n) and targets not scored yet, and sums.

        Outputs are stored unscored, because scoring fewer at a time would round the sums differently.

        Returns:
            (tensors, plain data)
        """
        correct = self.sums.correct
        plain = {
            "loss": float(self.sums.loss[run]),
            "correct": None if correct is None else int(correct[run]),
            "count": self.sums.count,
            "steps": [[step, targets.shape[1]] for step, targets in self._steps],
            "diverged_at": self.diverged_at[run],
        }
        if self._buffer_RKN is None or not self._steps:
            return {}, plain
        targets = torch.cat([kept[run % kept.shape[0]] for _, kept in self._steps])
        outputs_KN = self._buffer_RKN[run, :, : self._used]
        return {"outputs": outputs_KN.cpu().clone(), "targets": targets.cpu().clone()}, plain

    def load_state_dict(
        self, states: Sequence[tuple[Mapping[str, Tensor], Mapping[str, Any]]], like: Tensor
    ) -> None:
        """Load the saved state of each run; all runs must be at the same step.

        Args:
            states: (tensors, plain data) of each run.
            like: a tensor of the outputs' dtype and device.

        Raises:
            LookupError, TypeError, ValueError, RuntimeError: if something is missing, or does not fit.
        """
        plains = [plain for _, plain in states]
        counted = [int(plain["correct"]) for plain in plains if plain["correct"] is not None]
        losses = torch.tensor([float(plain["loss"]) for plain in plains], dtype=torch.float64)
        self.sums = MetricSums(self.num_runs, self.device)
        correct_R = torch.tensor(counted, device=self.device) if counted else None
        self.sums.add(losses.to(self.device), correct_R, int(plains[0]["count"]))
        self.diverged_at = [plain["diverged_at"] for plain in plains]
        steps = plains[0]["steps"]
        if not steps:
            return
        outputs_RKN = torch.stack([tensors["outputs"] for tensors, _ in states]).to(like)
        targets_RN = torch.stack([tensors["targets"] for tensors, _ in states]).to(like.device)
        sizes = [int(size) for _, size in steps]
        for (step, _), out_RKN, targets in zip(
            steps, outputs_RKN.split(sizes, 2), targets_RN.split(sizes, 1), strict=True
        ):
            self.add(int(step), out_RKN.mT, targets)

    def pop(self) -> list[Scores]:
        """Scores of each run since the last call."""
        self._flush()
        scores = self.sums.scores()
        self.sums = MetricSums(self.num_runs, self.device)
        return scores

    def _flush(self) -> None:
        if not self._steps:
            return
        assert self._buffer_RKN is not None
        out_RNK = self._buffer_RKN[:, :, : self._used].mT
        sets = max(targets.shape[0] for _, targets in self._steps)
        targets = torch.cat([kept.expand(sets, *kept.shape[1:]) for _, kept in self._steps], 1)
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
    """Scores over a whole split with given parameters (R, P), dropout off.

    An interrupt ends them with `AbandonedError`.

    Args:
        cohort: whose model, layout and loss are used.
    """

    def __init__(self, cohort: Cohort) -> None:
        self.model, self.loss, self.layout = cohort.model, cohort.loss, cohort.layout
        self.context = Context(workspace=Workspace(reuse=True))

    def scores(self, params_RP: Tensor, data: DeviceDataset) -> list[Scores]:
        """Scores of each run."""
        sums = MetricSums(params_RP.shape[0], data.targets.device)
        with torch.no_grad():
            for x, targets in data.chunks(self._chunk(params_RP)):
                interruption.abandon_if_wanted()
                out_RNK, _ = self.model.forward(self.layout.views(params_RP), x, self.context)
                losses_RN = self.loss.per_sample(out_RNK, targets)
                sums.add_samples(losses_RN, correct_count(self.loss, out_RNK, targets))
        return sums.scores()

    def predictions(self, params_RP: Tensor, data: DeviceDataset) -> Tensor:
        """Predicted class of every sample, (R, n)."""
        predicted = []
        with torch.no_grad():
            for x, _ in data.chunks(self._chunk(params_RP)):
                interruption.abandon_if_wanted()
                out_RNK, _ = self.model.forward(self.layout.views(params_RP), x, self.context)
                predicted_RN = self.loss.predict(out_RNK)
                assert predicted_RN is not None, "only classifiers have predictions"
                predicted.append(predicted_RN)
        return torch.cat(predicted, 1)

    def _chunk(self, params_RP: Tensor) -> int:
        return max(16, CHUNK_ELEMENTS // (params_RP.shape[0] * self.model.max_activation_size))
