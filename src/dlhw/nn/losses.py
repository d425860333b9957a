"""Losses; penalties on parameters are in `dlhw.optim.regularizers`."""

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from dlhw.config.loss import LossName, Targets
from dlhw.config.registry import import_builder


class Loss(ABC):
    """Base of losses: outputs (R, N, K) and targets (S, N) or (S, N, K) -> mean over the batch, (R,).

    `backward` needs nothing from `forward`: a training step computes gradients without the value of the loss.
    """

    targets: ClassVar[Targets] = Targets.classes
    """what the targets are, as the loss's entry in `dlhw.config.loss` says"""

    @abstractmethod
    def per_sample(self, out_RNK: Tensor, targets: Tensor) -> Tensor:
        """Loss of each sample, (R, N)."""

    def forward(self, out_RNK: Tensor, targets: Tensor) -> Tensor:
        """Mean loss of each run, (R,)."""
        return self.per_sample(out_RNK, targets).mean(1)

    @abstractmethod
    def backward(self, out_RNK: Tensor, targets: Tensor) -> Tensor:
        """Gradient of each run's mean loss with respect to its outputs, (R, N, K)."""

    def is_finite(self, out_RNK: Tensor, targets: Tensor) -> Tensor:
        """Whether each run's loss is finite, (R,)."""
        return self.forward(out_RNK, targets).isfinite()

    def predict(self, out_RNK: Tensor) -> Tensor | None:
        """Predicted class of each sample, (R, N); None for regression."""
        return None

    def kink_pattern(self, out_RNK: Tensor) -> list[Tensor]:
        """The side of every kink on which the outputs fall; empty for smooth losses."""
        return []


def _label_index(out_RNK: Tensor, labels_SN: Tensor) -> Tensor:
    return labels_SN.expand(out_RNK.shape[0], -1).unsqueeze(2)


def _label_row(out_RKN: Tensor, labels_SN: Tensor) -> Tensor:
    return labels_SN.expand(out_RKN.shape[0], -1).unsqueeze(1)


class CrossEntropy(Loss):
    """Softmax cross-entropy of class labels y, natural logarithm, mean over the batch.

    l = -ln s_y,   s = softmax(z)        dl/dz = (s - e_y) / N

    Computed with the classes as the middle axis: torch's softmax over a last axis of ten elements takes nine
    times as long (90 against 9 microseconds for 8 runs of 64 samples).

    >>> loss_R = CrossEntropy().forward(torch.zeros(1, 1, 2), torch.tensor([[1]]))  # ln 2
    >>> round(loss_R.item(), 4)
    0.6931
    """

    def per_sample(self, out_RNK: Tensor, targets: Tensor) -> Tensor:
        log_s_RKN = torch.log_softmax(out_RNK.mT, 1)
        return -log_s_RKN.gather(1, _label_row(log_s_RKN, targets)).squeeze(1)

    def backward(self, out_RNK: Tensor, targets: Tensor) -> Tensor:
        s_RKN = torch.softmax(out_RNK.mT, 1)
        index = _label_row(s_RKN, targets)
        s_RKN.scatter_add_(1, index, s_RKN.new_full((1,), -1).expand(index.shape))
        return s_RKN.div_(out_RNK.shape[1]).mT

    def is_finite(self, out_RNK: Tensor, targets: Tensor) -> Tensor:
        # l <= max z - min z + ln K, so it suffices that z is finite
        return out_RNK.flatten(1).sum(1).isfinite()

    def predict(self, out_RNK: Tensor) -> Tensor:
        return out_RNK.argmax(2)


class BinaryCrossEntropy(Loss):
    """Binary cross-entropy of one logit z and labels y in {0, 1}, mean over the batch.

    l = -y ln s - (1 - y) ln(1 - s) = (1 - y) z - ln s,   s = sigmoid(z)        dl/dz = (s - y) / N

    >>> BinaryCrossEntropy().backward(torch.zeros(1, 1, 1), torch.tensor([[1]])).item()
    -0.5
    """

    targets = Targets.two_classes

    def per_sample(self, out_RNK: Tensor, targets: Tensor) -> Tensor:
        z_RN = out_RNK.squeeze(2)
        return (1 - targets) * z_RN - F.logsigmoid(z_RN)

    def backward(self, out_RNK: Tensor, targets: Tensor) -> Tensor:
        return torch.sigmoid(out_RNK).sub_(targets.unsqueeze(2)).div_(out_RNK.shape[1])

    def predict(self, out_RNK: Tensor) -> Tensor:
        return (out_RNK.squeeze(2) > 0).long()


class SquaredError(Loss):
    """Squared error, mean over the K outputs and the batch.

    l = c mean_k (z_k - t_k)^2        dl/dz = 2c (z - t) / (N K)

    Args:
        factor: c; 1 is the mean squared error of torch, courses and papers also use 1/2 and 1/4.

    >>> SquaredError(0.5).forward(torch.tensor([[[3.0, 0.0]]]), torch.tensor([[[1.0, 0.0]]])).item()
    1.0
    """

    targets = Targets.numbers

    def __init__(self, factor: float = 1.0) -> None:
        self.factor = factor

    def per_sample(self, out_RNK: Tensor, targets: Tensor) -> Tensor:
        return self.factor * (out_RNK - targets).square().mean(2)

    def backward(self, out_RNK: Tensor, targets: Tensor) -> Tensor:
        return (out_RNK - targets).mul_(2 * self.factor / (out_RNK.shape[1] * out_RNK.shape[2]))


class BinarySquaredError(Loss):
    """Squared error of one output z and labels y in {0, 1}; z is a probability, not a logit.

    l = (z - y)^2        dl/dz = 2 (z - y) / N

    Without the factor 1/2. Class 1 is predicted for z > 1/2. With a sigmoid output this is the Brier score.

    >>> BinarySquaredError().forward(torch.tensor([[[0.5]]]), torch.tensor([[1]])).item()
    0.25
    """

    targets = Targets.two_classes

    def per_sample(self, out_RNK: Tensor, targets: Tensor) -> Tensor:
        return (out_RNK.squeeze(2) - targets).square()

    def backward(self, out_RNK: Tensor, targets: Tensor) -> Tensor:
        return (out_RNK - targets.unsqueeze(2)).mul_(2 / out_RNK.shape[1])

    def predict(self, out_RNK: Tensor) -> Tensor:
        return (out_RNK.squeeze(2) > 0.5).long()


class PerceptronLoss(Loss):
    """Multi-class perceptron loss of class labels y.

    l = max_k z_k - z_y        dl/dz = (e_argmax - e_y) / N

    With batch size 1 and learning rate 1 a step is the perceptron rule. If several outputs are largest, the
    first is the prediction, so that a model that starts from zeros makes mistakes and learns.

    Source: Collins, "Discriminative training methods for hidden Markov models", 2002 (multi-class form).

    >>> PerceptronLoss().backward(torch.tensor([[[2.0, 1.0, 0.0]]]), torch.tensor([[1]])).tolist()
    [[[1.0, -1.0, 0.0]]]
    """

    def per_sample(self, out_RNK: Tensor, targets: Tensor) -> Tensor:
        top = out_RNK.gather(2, out_RNK.argmax(2, keepdim=True))
        return (top - out_RNK.gather(2, _label_index(out_RNK, targets))).squeeze(2)

    def backward(self, out_RNK: Tensor, targets: Tensor) -> Tensor:
        index = _label_index(out_RNK, targets)
        share = out_RNK.new_full((1,), 1 / out_RNK.shape[1]).expand(index.shape)
        dout = torch.zeros_like(out_RNK).scatter_add_(2, out_RNK.argmax(2, keepdim=True), share)
        return dout.scatter_add_(2, index, -share)

    def predict(self, out_RNK: Tensor) -> Tensor:
        return out_RNK.argmax(2)

    def kink_pattern(self, out_RNK: Tensor) -> list[Tensor]:
        return [out_RNK.argmax(2)]


def half_squared_error() -> SquaredError:
    """Squared error with the factor 1/2."""
    return SquaredError(0.5)


def quarter_squared_error() -> SquaredError:
    """Squared error with the factor 1/4."""
    return SquaredError(0.25)


LOSSES: dict[LossName, Loss] = {name: import_builder(name)() for name in LossName if name.builder}
