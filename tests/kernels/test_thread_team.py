"""Threads that share compiled steps compute what one thread computes."""

import math
from collections.abc import Callable
from itertools import count

import pytest
import torch
from training_runs import Listener, largest_difference, small, train_together

from dlhw.data.dataset import Dataset, load_dataset
from dlhw.hydra_support.compose import compose
from dlhw.kernels.stepper import StepTotals
from dlhw.kernels.team import ThreadTeam
from dlhw.kernels.thresholds import SMALL_BATCH
from dlhw.training.backends import threads as planning
from dlhw.training.backends.compiled import make_stepper
from dlhw.training.backends.threads import plan_of, team_size
from dlhw.training.batches import DeviceDataset
from dlhw.training.cohort import Cohort

# Products of BLAS sum in another order for fewer samples, in float64.
ROUNDING = 1e-10
LOOPS_ONLY = [
    "model=softmax",
    "model=softmax optimizer.momentum=0.9 regularizer=l1 regularizer.on=all",
    "model=cnn model.filters=[5] optimizer=adam",
    "model=cnn model.filters=[18] regularizer=l2",
    "model=cnn model.filters=[4,3] model.pooling=max model.activation=tanh",
]


@pytest.fixture
def of_threads(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Sets the number of threads that make every step, whether that is faster or not."""
    monkeypatch.setattr(planning, "can_use_one_thread", lambda: True)
    return lambda threads: monkeypatch.setattr(planning, "team_size", lambda *_: threads)


def black(seed: int) -> Dataset:
    """Digits without their paler pixels, which are listed."""
    dataset = load_dataset(small("data.limit=280").data, seed, torch.float64)
    for split in dataset.splits.values():
        split.inputs[split.inputs < 0.8] = 0
    return dataset


def alike(one: Listener, other: Listener, rounding: float) -> None:
    """Assert that callbacks got the same numbers."""
    assert one.info is not None
    assert one.info.backend == "compiled"
    assert largest_difference(one.last, one.first) > 1e-6
    for params, expected in zip(one.parameters, other.parameters, strict=True):
        assert largest_difference(params, expected) <= rounding
    assert one.optimizer.keys() == other.optimizer.keys()
    for name, state in one.optimizer.items():
        assert torch.allclose(state, other.optimizer[name], rtol=0, atol=rounding)
    for first, second in zip(one.evaluations, other.evaluations, strict=True):
        for split, scores in first.scores.items():
            assert math.isclose(scores.loss, second.scores[split].loss, rel_tol=0, abs_tol=rounding)
            assert scores.accuracy == second.scores[split].accuracy


@pytest.mark.parametrize("overrides", LOOPS_ONLY)
@pytest.mark.parametrize("threads", [2, 3, 5])
def test_the_same_bits_where_products_are_loops(
    overrides: str, threads: int, of_threads: Callable[[int], None]
) -> None:
    """Also where a share is not a multiple of four, and with a last batch that one thread makes alone."""
    config = small(*overrides.split(), "trainer.batch_size=101", "data.limit=280", "data.split.seed=0")
    data = [black(0)] if "cnn" not in overrides else None
    of_threads(1)
    (alone,) = train_together([config], data)
    of_threads(threads)
    alike(train_together([config], data)[0], alone, 0.0)


@pytest.mark.parametrize("optimizer", ["sgd", "sgd optimizer.momentum=0.9", "adamw"])
@pytest.mark.parametrize("batch", [2 * SMALL_BATCH + 2, 64, 200])
def test_equal_to_rounding_where_they_are_of_blas(
    optimizer: str, batch: int, of_threads: Callable[[int], None]
) -> None:
    configs = [
        small(
            "model.hidden=[40]", *f"optimizer={optimizer}".split(), f"trainer.batch_size={batch}",
            f"optimizer.lr={lr}", "data.split.seed=0",
        )
        for lr in (0.01, 0.02)
    ]  # fmt: skip
    of_threads(1)
    alone = train_together(configs)
    of_threads(2)
    for one, other in zip(train_together(configs), alone, strict=True):
        alike(one, other, ROUNDING)


def test_a_run_that_diverges_ends_for_all_threads(of_threads: Callable[[int], None]) -> None:
    configs = [
        small(f"optimizer.lr={lr}", "model.activation=relu", "trainer.batch_size=80", "data.split.seed=0")
        for lr in (1e200, 0.05)
    ]
    of_threads(1)
    alone = train_together(configs)
    of_threads(2)
    together = train_together(configs)
    assert [run.result.status for run in together] == ["diverged", "completed"]
    assert together[0].result.diverged_at == alone[0].result.diverged_at
    alike(together[1], alone[1], ROUNDING)


def test_threads_that_wait_for_a_failed_one_give_up() -> None:
    config = small("model=softmax")
    cohort = Cohort([config], (1, 8, 8), 10, torch.device("cpu"), torch.float64)
    split = load_dataset(config.data, 0, torch.float64).splits["train"]
    team, number = ThreadTeam(2), count()
    stepper = make_stepper(cohort, DeviceDataset(split.inputs[None], split.targets[None]), 100, team)
    steps = stepper.steps

    def fail_once(call: int, part: int) -> None:
        if next(number) == 0:
            raise MemoryError("no more")
        steps(call, part)

    stepper.steps = fail_once
    totals = StepTotals.start(torch.zeros(1, dtype=torch.float64), [-1])
    order, lr_R = torch.arange(100)[None], torch.tensor([0.1], dtype=torch.float64)
    before = cohort.params_RP.clone()
    with pytest.raises(MemoryError, match="no more"):
        stepper.run(order, 0, 100, lr_R, totals, keep_gradients=False)
    assert torch.equal(cohort.params_RP, before)
    stepper.run(order, 0, 100, lr_R, totals, keep_gradients=False)
    assert not torch.equal(cohort.params_RP, before)
    assert totals.losses.item() == pytest.approx(100 * math.log(10))


def test_teams_have_samples_enough_and_work_enough() -> None:
    assert team_size(64, 10**7, 2) == 2
    assert team_size(64, 10**7, 8) == 3
    assert team_size(1000, 10**7, 8) == 8
    assert team_size(2 * SMALL_BATCH, 10**7, 2) == 1
    assert team_size(1, 10**7, 2) == 1
    assert team_size(64, 10**5, 2) == 1


def test_one_run_has_a_team_and_many_have_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "can_use_one_thread", lambda: True)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)
    config = compose(["data=mnist", "model.hidden=[128]", "trainer.batch_size=64"])
    sizes = {}
    for runs in (1, 2, 4, 9):
        cohort = Cohort([config] * runs, (1, 28, 28), 10, torch.device("cpu"), torch.float32)
        plan = plan_of(cohort, 64, compiled=True)
        assert plan.workers * plan.team <= 4
        assert plan_of(cohort, 64).team == 1
        sizes[runs] = plan.team
    assert sizes == {1: 3, 2: 2, 4: 1, 9: 1}
