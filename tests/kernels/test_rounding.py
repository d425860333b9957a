"""A compiled update in float32 is rounded once or twice, not once for each sample."""

import pytest
import torch
from torch import Tensor
from training_runs import small

from dlhw.data.dataset import load_dataset
from dlhw.kernels.stepper import StepTotals
from dlhw.kernels.thresholds import SMALL_BATCH
from dlhw.nn.layer import Context
from dlhw.training.backends.compiled import make_stepper
from dlhw.training.batches import DeviceDataset
from dlhw.training.cohort import Cohort

LR = 0.1
# Weights of this size, so that the terms of an update are far below the unit in their last place.
LARGE = 3.0


def cohort_of(dtype: torch.dtype) -> Cohort:
    config = small("model.hidden=[40]", f"trainer.dtype={str(dtype).removeprefix('torch.')}")
    return Cohort([config], (1, 8, 8), 10, torch.device("cpu"), dtype)


def updated(pool: DeviceDataset, params_RP: Tensor, batch: int) -> Tensor:
    """Parameters after one compiled update."""
    cohort = cohort_of(torch.float32)
    cohort.params_RP.copy_(params_RP)
    stepper = make_stepper(cohort, pool, batch)
    totals = StepTotals.start(torch.zeros(1, dtype=torch.float64), [-1])
    stepper.run(torch.arange(batch)[None], 0, batch, torch.tensor([LR]), totals, keep_gradients=False)
    return cohort.params_RP


def exact(inputs: Tensor, targets: Tensor, params_RP: Tensor) -> Tensor:
    """The same in float64, by autograd."""
    cohort = cohort_of(torch.float64)
    leaf = params_RP.double().requires_grad_()
    out, _ = cohort.model.forward(cohort.layout.views(leaf), inputs.double(), Context())
    cohort.loss.per_sample(out, targets).mean().backward()
    assert leaf.grad is not None
    return params_RP.double() - float(torch.tensor(LR)) * leaf.grad


@pytest.mark.parametrize("is_listed", [False, True], ids=["dense", "listed"])
@pytest.mark.parametrize("batch", [SMALL_BATCH + 1, 40, 200])
def test_an_update_is_rounded_once_or_twice(batch: int, is_listed: bool) -> None:
    data = load_dataset(small().data, 0, torch.float32).splits["train"]
    inputs, targets = data.inputs[None, :batch].float(), data.targets[None, :batch]
    pool = DeviceDataset(inputs, targets)
    if is_listed:
        pool = pool.with_backgrounds([torch.zeros(64)])
    drawn = torch.Generator().manual_seed(0)
    like = cohort_of(torch.float32)
    params_RP = torch.where(
        like.params_RP != 0, LARGE * torch.randn(like.params_RP.shape, generator=drawn), like.params_RP
    )
    result, expected = updated(pool, params_RP, batch).double(), exact(inputs, targets, params_RP)
    unit = torch.nextafter(params_RP.abs(), torch.tensor(torch.inf)).sub(params_RP.abs()).double()
    errors = ((result - expected).abs() / unit)[(params_RP != 0) & (result != params_RP)]
    assert len(errors) > 500
    # a value that is rounded once is off by 1/4 of a unit on average
    assert float(errors.mean()) < 0.45
