"""A loss or gradient that is not finite is seen before the update, by compiled steps and by torch's."""

import pytest
from training_runs import Listener, largest_difference, regression, small, train_together

from dlhw.config.trainer import Backend
from dlhw.status import Status

WAYS = [Backend.compiled, Backend.eager]
# Squared errors grow without bound at a rate this large; at 1e-3 they shrink.
RATES = ["1e-3", "3", "2e-3"]


def train(backend: Backend, *rates: str, dtype: str = "float32") -> list[Listener]:
    overrides = ("model=linear", "data=csv", "data.train=unused.csv", "data.task=regression")
    configs = [
        small(*overrides, f"optimizer.lr={rate}", f"trainer.backend={backend}", f"trainer.dtype={dtype}",
              "trainer.epochs=30")
        for rate in rates
    ]  # fmt: skip
    data = regression()
    if dtype == "float32":
        for split in data.splits.values():
            object.__setattr__(split, "inputs", split.inputs.float())
            object.__setattr__(split, "targets", split.targets.float())
    return train_together(configs, [data])


@pytest.mark.parametrize("backend", WAYS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_parameters_stay_finite(backend: Backend, dtype: str) -> None:
    first, wild, last = train(backend, *RATES, dtype=dtype)
    assert [run.result.status for run in (first, last)] == [Status.completed] * 2
    assert wild.result.status is Status.diverged
    assert all(bool(value.isfinite().all()) for value in wild.last.values())
    assert largest_difference(wild.last, wild.first) > 1
    for together, rate in ((first, RATES[0]), (last, RATES[2])):
        (alone,) = train(backend, rate, dtype=dtype)
        assert largest_difference(together.last, alone.last) < 1e-6


def test_both_ways_see_the_same_step() -> None:
    steps = [train(backend, *RATES, dtype="float64")[1].result.diverged_at for backend in WAYS]
    assert steps[0] == steps[1]
    assert steps[0] is not None
    assert steps[0] > 1


@pytest.mark.parametrize("backend", WAYS)
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_loss_that_is_not_finite(backend: Backend, optimizer: str) -> None:
    data = regression()
    data.splits["train"].inputs[17, 2] = 1e200  # its squared error is beyond float64
    overrides = ("model=linear", "data=csv", "data.train=unused.csv", "data.task=regression",
                 "trainer.shuffle=false", f"optimizer={optimizer}", "optimizer.lr=1e-3")  # fmt: skip
    (run,) = train_together([small(*overrides, f"trainer.backend={backend}")], [data])
    assert run.result.diverged_at == 2  # batches of 16: sample 17 is in the second
    assert all(bool(value.isfinite().all()) for value in run.last.values())
