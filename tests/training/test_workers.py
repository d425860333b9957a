"""Shards: how a cohort is spread over threads, and that it changes no number."""

import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from training_runs import Listener, largest_difference, small, train_together

from dlhw.config.root import TrainConfig
from dlhw.data.dataset import load_dataset
from dlhw.training.backends import threads as planning
from dlhw.training.backends.shard import Shard
from dlhw.training.backends.threads import IMBALANCE, ThreadPlan, Workers, plan_threads
from dlhw.training.events import Scores
from dlhw.training.fit import fit

ROUNDING = 1e-10


@pytest.fixture
def many_shards(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Spread even the smallest cohort: two threads, a shard for each run."""
    monkeypatch.setattr(planning, "WORTH_SHARDING", 1)
    monkeypatch.setattr(planning, "SHARD_BYTES", 1)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


COHORTS: dict[str, tuple[tuple[str, ...], ...]] = {
    "learning rates": tuple((f"optimizer.lr={lr}",) for lr in (0.3, 0.1, 0.05, 0.02)),
    "seeds and dropout": tuple((f"seed={seed}", f"model.dropout={seed / 10}") for seed in range(4)),
    "adam": tuple(("optimizer=adam", f"optimizer.lr={lr}") for lr in (0.01, 0.003, 0.001, 0.0003)),
    "alphas": tuple(("regularizer=l2", f"regularizer.alpha={alpha}") for alpha in (1, 0.1, 0.01, 0.001)),
    "one diverges": tuple((f"optimizer.lr={lr}",) for lr in (0.3, 1e200, 0.05, 0.02)),
    "patience": tuple((f"trainer.early_stopping.patience={n}", "optimizer.lr=2") for n in (1, 2, 3, 4)),
}


def cohort(overrides: tuple[tuple[str, ...], ...]) -> list[TrainConfig]:
    return [small("model.hidden=[12]", "data.split.seed=0", *own) for own in overrides]


@pytest.mark.parametrize("name", COHORTS)
@pytest.mark.usefixtures("many_shards")
def test_shards_change_no_number(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    configs = cohort(COHORTS[name])
    assert len(plan_threads(4, 1, 1, 1, 2).rows) == 4
    sharded = train_together(configs)
    monkeypatch.setattr(planning, "WORTH_SHARDING", 10**18)
    assert len(plan_threads(4, 1, 1, 1, 2).rows) == 1
    for one, other in zip(sharded, train_together(configs), strict=True):
        assert one.result.status == other.result.status
        assert one.result.steps == other.result.steps
        assert one.result.diverged_at == other.result.diverged_at
        if one.result.status != "diverged":
            assert largest_difference(one.last, other.last) < ROUNDING
        assert one.optimizer.keys() == other.optimizer.keys()
        assert [evaluation.step for evaluation in one.evaluations] == [
            evaluation.step for evaluation in other.evaluations
        ]


@given(
    num_runs=st.integers(1, 100),
    product=st.integers(1, 10**8),
    run_bytes=st.integers(1, 10**9),
    threads=st.integers(1, 64),
)
def test_a_plan_gives_every_run_one_place(num_runs: int, product: int, run_bytes: int, threads: int) -> None:
    plan = plan_threads(num_runs, product, product, run_bytes, threads)
    placed = [run for rows in plan.rows for run in range(rows.start, rows.stop)]
    assert placed == list(range(num_runs))
    assert all(rows.stop > rows.start for rows in plan.rows)
    assert 1 <= plan.workers * plan.threads <= threads
    sizes = [rows.stop - rows.start for rows in plan.rows]
    assert max(sizes) - min(sizes) <= 1
    if plan.workers > 1:
        assert -(-num_runs // plan.workers) * plan.workers <= IMBALANCE * num_runs


@given(num_runs=st.integers(2, 100), step=st.integers(1, 10**8), threads=st.integers(2, 64))
def test_runs_that_may_end_train_in_the_smallest_shards(num_runs: int, step: int, threads: int) -> None:
    plain = plan_threads(num_runs, step, step, 1, threads)
    plan = plan_threads(num_runs, step, step, 1, threads, may_end=True)
    assert (plan.workers, plan.threads) == (plain.workers, plain.threads)
    assert len(plan.rows) >= len(plain.rows)
    if plan.workers > 1 and step >= planning.WORTH_SHARDING:
        assert len(plan.rows) == num_runs


@pytest.mark.usefixtures("many_shards")
def test_a_shard_whose_runs_have_ended_makes_no_step_and_no_evaluation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trained, scored = Counter[int](), Counter[int]()
    train, scores = Shard.train, Shard.scores

    def train_and_count(shard: Shard, step: int, count: int, *arguments: Any, **more: Any) -> None:
        trained[shard.rows.start] += count
        train(shard, step, count, *arguments, **more)

    def score_and_count(shard: Shard, params_RP: torch.Tensor, split: str) -> list[Scores]:
        scored[shard.rows.start] += split == "val"
        return scores(shard, params_RP, split)

    monkeypatch.setattr(Shard, "train", train_and_count)
    monkeypatch.setattr(Shard, "scores", score_and_count)
    runs = train_together(cohort(tuple((*own, "trainer.backend=eager") for own in COHORTS["patience"])))
    steps = [run.result.steps for run in runs]
    assert len(set(steps)) > 1
    assert [trained[place] for place in range(4)] == steps
    evaluations = [sum("val" in evaluation.scores for evaluation in run.evaluations) for run in runs]
    assert [scored[place] for place in range(4)] == evaluations


@pytest.mark.parametrize(("product", "threads"), [(1000, 1), (10**9, 2)])
def test_steps_of_little_work_use_one_thread(product: int, threads: int) -> None:
    before = torch.get_num_threads()
    with Workers(plan_threads(1, product, product, 1, 2)):
        assert torch.get_num_threads() == threads
    assert torch.get_num_threads() == before


def test_threads_run_at_the_same_time_and_a_failure_stops_them_all() -> None:
    meeting = threading.Barrier(2, timeout=20)
    rows = (slice(0, 1), slice(1, 2))

    def work(number: int) -> int:
        meeting.wait()
        assert torch.get_num_threads() == 1
        return number * number

    def fail(number: int) -> None:
        meeting.wait()
        if number == 3:
            raise RuntimeError("three")
        assert crew.stopped.wait(20)

    with Workers(ThreadPlan(rows, 2, 1)) as crew:
        assert crew.map(work, [2, 3]) == [4, 9]
        assert not crew.stopped.is_set()
        with pytest.raises(RuntimeError, match="three"):
            crew.map(fail, [3, 4])


@pytest.mark.usefixtures("many_shards")
def test_a_run_whose_tracker_fails_leaves_the_other_shards_alone() -> None:
    class Late(Listener):
        def on_evaluation(self, *arguments: object) -> None:
            raise MemoryError

    configs = cohort(COHORTS["learning rates"])
    dataset = load_dataset(configs[0].data, 0, torch.float64)
    results = fit(configs, [dataset], lambda place, config: [Late() if place == 1 else Listener()])
    assert [result.status for result in results] == ["completed", "failed", "completed", "completed"]
