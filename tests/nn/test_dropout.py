"""Dropout beyond what every layer does."""

import pytest
import torch
from layer_cases import context, random_case
from torch import Tensor

from dlhw.nn.dropout import Dropout
from dlhw.nn.layer import Context

RATES = torch.tensor([0.0, 0.25, 0.9], dtype=torch.float64)


def masks(uniform: Tensor) -> Tensor:
    """What ones become in training."""
    ctx = Context(training=True, uniform=lambda shape: uniform)
    out, _ = Dropout(RATES).forward({}, torch.ones(3, *uniform.shape[1:], dtype=torch.float64), ctx)
    return out


def test_evaluation_changes_nothing() -> None:
    case = random_case(Dropout(RATES), (6,))
    passed = case.pass_through(context(training=False))
    torch.testing.assert_close(passed["out"], case.x, rtol=0, atol=0)
    torch.testing.assert_close(passed["input"], case.dout, rtol=0, atol=0)


def test_a_unit_is_dropped_below_the_rate_of_its_run_and_scaled_up_otherwise() -> None:
    uniform = torch.tensor([0.0, 0.24, 0.25, 0.89, 0.9, 0.99], dtype=torch.float64).view(1, 1, 6)
    expected = [[1] * 6, [0, 0, *[1 / 0.75] * 4], [0, 0, 0, 0, 1 / 0.1, 1 / 0.1]]
    torch.testing.assert_close(masks(uniform)[:, 0], torch.tensor(expected, dtype=torch.float64))


@pytest.mark.parametrize("seed", [0, 1])
def test_the_mean_stays(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    uniform = torch.rand(1, 1000, 100, generator=generator, dtype=torch.float64)
    # the mean of 1e5 units varies by sqrt(p / (1 - p) / 1e5) < 0.01
    torch.testing.assert_close(
        masks(uniform).mean((1, 2)), torch.ones(3, dtype=torch.float64), rtol=0, atol=0.05
    )


def test_training_without_a_stream_of_numbers_is_refused() -> None:
    with pytest.raises(AssertionError, match="stream of uniform numbers"):
        Dropout(RATES).forward({}, torch.ones(3, 1, 2), Context(training=True))
