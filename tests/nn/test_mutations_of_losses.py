"""The checks of losses and penalties can fail: each deliberately wrong gradient is found."""

import pytest
import torch
from torch import Generator, Tensor

from dlhw.config.regularizer import L1Config, L2Config
from dlhw.nn.gradcheck import check_loss, check_regularizer
from dlhw.nn.linear import Affine
from dlhw.nn.losses import (
    BinaryCrossEntropy,
    BinarySquaredError,
    CrossEntropy,
    Loss,
    PerceptronLoss,
    SquaredError,
)
from dlhw.nn.parameters import ParameterLayout
from dlhw.optim.regularizers import L1, L2, Regularizer

RUNS = 3


class SoftmaxWithoutMean(CrossEntropy):
    def backward(self, out_RNK: Tensor, targets: Tensor) -> Tensor:
        return super().backward(out_RNK, targets) * out_RNK.shape[1]


class SoftmaxWithoutLabel(CrossEntropy):
    def backward(self, out_RNK: Tensor, targets: Tensor) -> Tensor:
        return torch.softmax(out_RNK, 2) / out_RNK.shape[1]


class SoftmaxOfTheWholeBatch(CrossEntropy):
    def backward(self, out_RNK: Tensor, targets: Tensor) -> Tensor:
        batch = torch.softmax(out_RNK, 1) - torch.softmax(out_RNK, 2)
        return super().backward(out_RNK, targets) + batch / out_RNK.shape[1]


class BinaryWithSlope(BinaryCrossEntropy):
    """Multiplies by s (1 - s), as a squared error of a sigmoid would."""

    def backward(self, out_RNK: Tensor, targets: Tensor) -> Tensor:
        s = torch.sigmoid(out_RNK)
        return super().backward(out_RNK, targets) * s * (1 - s)


class SquaredWithoutTwo(SquaredError):
    def backward(self, out_RNK: Tensor, targets: Tensor) -> Tensor:
        return super().backward(out_RNK, targets) / 2


class BinarySquaredWithoutMean(BinarySquaredError):
    def backward(self, out_RNK: Tensor, targets: Tensor) -> Tensor:
        return super().backward(out_RNK, targets) * out_RNK.shape[1]


class PerceptronWithoutLabel(PerceptronLoss):
    def backward(self, out_RNK: Tensor, targets: Tensor) -> Tensor:
        return torch.nn.functional.one_hot(out_RNK.argmax(2), out_RNK.shape[2]) / out_RNK.shape[1]


WRONG_LOSSES: dict[str, tuple[Loss, int]] = {
    "softmax-no-mean": (SoftmaxWithoutMean(), 4),
    "softmax-no-label": (SoftmaxWithoutLabel(), 4),
    "softmax-whole-batch": (SoftmaxOfTheWholeBatch(), 4),
    "binary-slope": (BinaryWithSlope(), 1),
    "squared-no-two": (SquaredWithoutTwo(1.0), 2),
    "binary-squared-no-mean": (BinarySquaredWithoutMean(), 1),
    "perceptron-no-label": (PerceptronWithoutLabel(), 4),
}


@pytest.mark.parametrize("name", WRONG_LOSSES)
def test_a_wrong_loss_fails(name: str) -> None:
    loss, num_outputs = WRONG_LOSSES[name]
    generator = Generator().manual_seed(0)
    check = check_loss(loss, num_outputs, num_runs=RUNS, probes=10, generator=generator)
    assert check.error > 0.01
    assert check.difference_error > 0.01
    assert not check.passes(1e-9, 1e-6)


class L2Twice(L2):
    def add_gradient(self, params_RP: Tensor, grads_RP: Tensor) -> None:
        super().add_gradient(params_RP, grads_RP)
        super().add_gradient(params_RP, grads_RP)


class L2Everywhere(L2):
    """Penalises the weights but pulls on the biases too."""

    def add_gradient(self, params_RP: Tensor, grads_RP: Tensor) -> None:
        grads_RP.addcmul_(params_RP, self.slope_R1)


class L2ThatOverwrites(L2):
    def add_gradient(self, params_RP: Tensor, grads_RP: Tensor) -> None:
        grads_RP.zero_()
        super().add_gradient(params_RP, grads_RP)


class L1WithoutSign(L1):
    def add_gradient(self, params_RP: Tensor, grads_RP: Tensor) -> None:
        self._penalised(grads_RP).add_(self.alpha_R1)


LAYOUT = ParameterLayout({"fc": Affine(5, 4).specs()})
LIKE_RP = LAYOUT.zeros(RUNS, torch.float64, torch.device("cpu"))
WRONG_REGULARIZERS: dict[str, Regularizer] = {
    "l2-full-for-half": L2Twice([L2Config(alpha=0.1)] * RUNS, LAYOUT, LIKE_RP),
    "l2-on-biases": L2Everywhere([L2Config(alpha=0.1)] * RUNS, LAYOUT, LIKE_RP),
    "l2-overwrites": L2ThatOverwrites([L2Config(alpha=0.1)] * RUNS, LAYOUT, LIKE_RP),
    "l1-no-sign": L1WithoutSign([L1Config(alpha=0.1)] * RUNS, LAYOUT, LIKE_RP),
}


@pytest.mark.parametrize("name", WRONG_REGULARIZERS)
def test_a_wrong_penalty_fails(name: str) -> None:
    generator = Generator().manual_seed(0)
    check = check_regularizer(WRONG_REGULARIZERS[name], LAYOUT, num_runs=RUNS, probes=30, generator=generator)
    assert not check.passes(1e-9, 1e-6)
