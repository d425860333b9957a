"""Batches, random numbers, metrics and the choice of matrix-product kernels, each tested alone."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dlhw.config.trainer import EarlyStoppingConfig, Matmul, Metric, Sampling
from dlhw.data.dataset import Split
from dlhw.nn.layer import Workspace
from dlhw.nn.losses import LOSSES
from dlhw.training.batches import BatchSampler, DeviceDataset, DropoutRNG, num_batches
from dlhw.training.device import (
    AS_EXACT,
    _measure,
    choose_matmul,
    matmul_setting,
    resolve_device,
)
from dlhw.training.events import Scores
from dlhw.training.metrics import TrainMetrics
from dlhw.training.state import EarlyStopping, goodness

CPU = torch.device("cpu")


def make_split(start: int, samples: int) -> Split:
    """Distinguishable samples: input and label are the same number."""
    numbers = torch.arange(start, start + samples)
    return Split(numbers.double().unsqueeze(1), numbers)


@given(
    samples=st.integers(1, 40),
    size=st.integers(1, 45),
    drop_last=st.booleans(),
    num_orders=st.integers(1, 3),
    own_samples=st.booleans(),
)
def test_batches_hold_each_run_its_own_samples(
    samples: int, size: int, drop_last: bool, num_orders: int, own_samples: bool
) -> None:
    splits = [make_split(1000 * run if own_samples else 0, samples) for run in range(3)]
    pool = DeviceDataset.of(splits if own_samples else splits[:1], CPU)
    num_orders = 1 if num_orders == 2 else num_orders  # one order for all, or one for each of three runs
    order = torch.stack([torch.randperm(samples) for _ in range(num_orders)])
    batches = [
        (x.clone(), y.clone())
        for x, y in pool.batches(order, size, drop_last=drop_last, work=Workspace(reuse=True))
    ]
    assert len(batches) == num_batches(samples, size, drop_last=drop_last)
    if not batches:
        assert drop_last
        assert samples < size
        return
    x, y = (torch.cat([batch[side] for batch in batches], 1) for side in (0, 1))
    runs = max(num_orders, 3 if own_samples else 1)
    assert y.shape[0] == runs
    assert torch.equal(x.squeeze(2).long(), y)
    taken = y.shape[1]
    for run in range(runs):
        expected = order[run % num_orders][:taken] + (1000 * run if own_samples else 0)
        assert torch.equal(y[run], expected)


def test_file_order_takes_views() -> None:
    pool = DeviceDataset.of([make_split(0, 10)], CPU)
    batches = list(pool.batches(None, 4, drop_last=False, work=Workspace(reuse=True)))
    assert [y.tolist() for _, y in batches] == [[[0, 1, 2, 3]], [[4, 5, 6, 7]], [[8, 9]]]
    assert batches[0][0].data_ptr() == pool.inputs.data_ptr()


def test_a_split_that_all_runs_share_lies_in_memory_once() -> None:
    shared = make_split(0, 10)
    assert DeviceDataset.of([shared, shared, shared], CPU).inputs.shape == (1, 10, 1)


def test_orders_depend_on_seed_and_epoch_alone() -> None:
    both, alone = BatchSampler([3, 5], 50, 8, Sampling.epoch), BatchSampler([5], 50, 8, Sampling.epoch)
    first, second = both.epoch(0), both.epoch(1)
    own = alone.epoch(1)
    assert first is not None
    assert second is not None
    assert own is not None
    assert not torch.equal(first[0], first[1])
    assert not torch.equal(first[1], second[1])
    assert torch.equal(second[1], own[0])
    assert torch.equal(first.sort(1).values, torch.arange(50).expand(2, 50))


def test_one_order_for_runs_of_one_seed() -> None:
    order = BatchSampler([4, 4, 4], 20, 8, Sampling.epoch).epoch(0)
    assert order is not None
    assert order.shape == (1, 20)


def test_without_replacement_each_step_draws_distinct_samples_from_all() -> None:
    order = BatchSampler([0], 10, 4, Sampling.without_replacement).epoch(0)
    assert order is not None
    batches = order[0].split(4)
    assert [len(batch) for batch in batches] == [4, 4, 2]
    assert all(len(batch.unique()) == len(batch) for batch in batches)
    drawn = [BatchSampler([seed], 10, 4, Sampling.without_replacement).epoch(0) for seed in range(200)]
    counts = torch.cat([epoch[0] for epoch in drawn if epoch is not None]).bincount(minlength=10)
    assert counts.sum() == 2000
    # steps are independent: over many draws an epoch repeats some samples and leaves others out
    assert any(len(epoch.unique()) < 10 for epoch in drawn if epoch is not None)
    assert counts.min() > 140


def test_with_replacement_a_batch_may_hold_a_sample_twice() -> None:
    order = BatchSampler([0], 1000, 1000, Sampling.with_replacement).epoch(0)
    assert order is not None
    assert order.shape == (1, 1000)
    # a share of 1 - 1/e of all samples is expected
    assert 580 < len(order.unique()) < 690


def test_file_order_has_no_order() -> None:
    assert BatchSampler([0], 10, 4, None).epoch(0) is None


def test_inputs_are_shared_where_only_targets_differ() -> None:
    inputs, labels = torch.arange(12.0).view(6, 2), [torch.arange(6), torch.arange(6).flip(0)]
    pool = DeviceDataset.of([Split(inputs, values) for values in labels], CPU)
    assert pool.inputs.shape == (1, 6, 2)
    assert pool.targets.shape == (2, 6)
    order = torch.tensor([[5, 0, 3, 1, 2, 4]])
    work = Workspace(reuse=True)
    for number, (x, targets) in enumerate(pool.batches(order, 4, drop_last=False, work=work)):
        places = order[0, 4 * number : 4 * number + 4]
        assert torch.equal(x, inputs[places].unsqueeze(0))
        assert torch.equal(targets, torch.stack([values[places] for values in labels]))
    second = pool.rows(slice(1, 2))
    assert torch.equal(second.targets, labels[1].unsqueeze(0))
    assert second.inputs.data_ptr() == pool.inputs.data_ptr()


def test_masks_depend_on_seed_and_epoch_alone() -> None:
    both, alone = DropoutRNG([3, 5], torch.float64), DropoutRNG([5], torch.float64)
    both((4, 2))
    both.start_epoch(7)
    alone.start_epoch(7)
    assert torch.equal(both((4, 2))[1], alone((4, 2))[0])
    assert both((4, 2)).shape == (2, 4, 2)


@given(sizes=st.lists(st.integers(1, 9), min_size=1, max_size=8))
def test_running_scores_weigh_samples_not_batches(sizes: list[int]) -> None:
    loss = LOSSES["cross_entropy"]  # type: ignore[index]
    running = TrainMetrics(loss, 2, torch.device("cpu"))
    out = torch.randn(2, sum(sizes), 4, dtype=torch.float64)
    labels = torch.randint(4, (1, sum(sizes)))
    start = 0
    for step, size in enumerate(sizes, start=1):
        running.add(step, out[:, start : start + size], labels[:, start : start + size])
        start += size
    scores = running.pop()
    assert [score.loss for score in scores] == pytest.approx(loss.forward(out, labels).tolist(), rel=1e-12)
    right = (out.argmax(2) == labels).double().mean(1).tolist()
    assert [score.accuracy for score in scores] == pytest.approx(right, rel=1e-12)
    assert running.diverged_at == [None, None]


def test_running_scores_show_a_loss_that_is_not_finite_in_its_own_run() -> None:
    running = TrainMetrics(LOSSES["squared_error"], 2, torch.device("cpu"))  # type: ignore[index]
    good = torch.ones(2, 3, 1)
    bad = good.clone()
    bad[1, 2] = float("inf")
    for step, out in enumerate([good, good, bad, bad], start=1):
        running.add(step, out, torch.zeros(1, 3, 1))
    running.record_diverged([None, 3])
    running.record_diverged([None, 4])
    first, second = running.pop()
    assert running.diverged_at == [None, 3]
    assert first.loss == 1
    assert second.loss == float("inf")


def test_patience_waits_for_a_best_that_is_better_by_min_delta() -> None:
    patience = EarlyStopping(EarlyStoppingConfig(patience=2, min_delta=0.1))
    stops = [patience.update(Scores(loss)) for loss in (1.0, 0.95, 0.8, 0.75, 0.71)]
    assert stops == [False, False, False, False, True]


def test_patience_can_watch_accuracy_and_never_ends_without_a_limit() -> None:
    watching = EarlyStopping(EarlyStoppingConfig(patience=1, metric=Metric.accuracy))
    assert not watching.update(Scores(1.0, 0.5))
    assert watching.update(Scores(0.1, 0.5))
    endless = EarlyStopping(EarlyStoppingConfig())
    assert not any(endless.update(Scores(1.0)) for _ in range(100))


def test_a_score_that_is_not_finite_is_the_worst() -> None:
    assert goodness(Scores(float("nan"), 0.9), Metric.loss) == -float("inf")
    assert goodness(Scores(float("nan"), 0.9), Metric.auto) == 0.9


def test_matmul_auto_takes_only_what_is_as_exact_as_float32() -> None:
    shape = (64, 300, 50)
    setting = choose_matmul(Matmul.auto, CPU, torch.float32, shape)
    errors = {name: _measure(name, shape)[1] for name in {setting, "highest"}}
    assert errors[setting] <= AS_EXACT * errors["highest"] < 1e-5


@pytest.mark.parametrize("wanted", [choice for choice in Matmul if choice is not Matmul.auto])
def test_matmul_setting_is_used_and_put_back(wanted: Matmul) -> None:
    before = torch.get_float32_matmul_precision()
    setting = choose_matmul(wanted, CPU, torch.float32, (1, 1, 1))
    with matmul_setting(setting):
        assert torch.get_float32_matmul_precision() == wanted
    assert torch.get_float32_matmul_precision() == before


def test_matmul_auto_measures_nothing_in_float64() -> None:
    assert choose_matmul(Matmul.auto, CPU, torch.float64, (1, 1, 1)) == "highest"


def test_device_auto_is_the_gpu_where_there_is_one() -> None:
    assert resolve_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
