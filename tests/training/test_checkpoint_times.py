"""When checkpoints are written, and how many steps run at a time."""

from time import sleep

import pytest
from hypothesis import given
from hypothesis import strategies as st
from training_runs import Listener, small, train_together

from dlhw.config.load import check
from dlhw.errors import ConfigError
from dlhw.hydra_support.compose import compose
from dlhw.training import schedule
from dlhw.training.schedule import CHUNK_SECONDS, GROWTH, CheckpointSchedule, ChunkSizer


def checkpoints(*overrides: str) -> list[int]:
    """Steps after which a run of four epochs of 13 steps requested a checkpoint from its trackers."""
    (listener,) = train_together([small("model.hidden=[12]", *overrides)])
    assert isinstance(listener, Listener)
    return listener.checkpoints


@pytest.mark.parametrize(
    ("overrides", "steps"),
    [
        (["trainer.checkpoint_every=1"], [13, 26, 39]),
        (["trainer.checkpoint_every=2"], [26]),
        (["trainer.checkpoint_every=2", "trainer.eval_every=4"], [26]),
        (["trainer.checkpoint_every=1", "trainer.eval_every=5", "trainer.eval_unit=step"], [13, 26, 39]),
        (["trainer.checkpoint_every=3", "trainer.max_steps=41"], [39]),
        (["trainer.checkpoint_every=60", "trainer.checkpoint_unit=minute"], []),
    ],
)
def test_checkpoints_come_after_epochs(overrides: list[str], steps: list[int]) -> None:
    """The last step is left to the end of training."""
    assert checkpoints(*overrides) == steps


def test_minutes_pass_within_an_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule, "CHUNK_SECONDS", 0.0)
    every_step = ["trainer.checkpoint_every=1e-9", "trainer.checkpoint_unit=minute", "trainer.eval_every=4"]
    assert checkpoints(*every_step) == list(range(1, 52))


def test_by_default_the_first_evaluation_is_kept_and_then_a_second_passes() -> None:
    assert checkpoints()[0] == 13
    assert checkpoints("trainer.eval_every=1", "trainer.eval_unit=step")[0] == 1


def test_by_default_writing_takes_a_twentieth_of_the_time() -> None:
    when = CheckpointSchedule(compose([]).trainer, steps_per_epoch=10, shortest=0.0)
    assert when.is_due(10, is_evaluated=True)
    assert not when.is_due(7, is_evaluated=False)
    when.record(seconds=0.01)
    assert not when.is_due(20, is_evaluated=True)
    sleep(0.21)
    assert when.is_due(30, is_evaluated=True)
    assert not when.is_due(33, is_evaluated=False)
    assert CheckpointSchedule(compose([]).trainer, 10, longest=0.0).is_due(33, is_evaluated=False)


@given(st.floats(1e-7, 10.0), st.integers(2, 40))
def test_slices_grow_to_what_fits_and_no_faster(seconds_a_step: float, rounds: int) -> None:
    slices, before = ChunkSizer(), 1
    for _ in range(rounds):
        before = slices.count
        slices.record(before, before * seconds_a_step)
        assert 1 <= slices.count <= GROWTH * before
        assert slices.count == 1 or slices.count * seconds_a_step <= CHUNK_SECONDS * (1 + 1e-9)


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (["trainer.checkpoint_every=0"], "trainer.checkpoint_every must be > 0, got 0.0"),
        (["trainer.checkpoint_every=-1", "trainer.checkpoint_unit=minute"], "trainer.checkpoint_every must be > 0, got -1.0"),
        (["trainer.checkpoint_every=0.5"], "trainer.checkpoint_every must be a whole number of epochs (or trainer.checkpoint_unit=minute), got 0.5"),
        (["trainer.checkpoint_unit=minute"], "trainer.checkpoint_unit=minute needs trainer.checkpoint_every, got null"),
        (["trainer.checkpoint_every=2", "tracking.checkpoints=false"], "trainer.checkpoint_every needs tracking.checkpoints=true, got false"),
    ],
)  # fmt: skip
def test_impossible_times_are_refused(overrides: list[str], sentence: str) -> None:
    with pytest.raises(ConfigError) as refused:
        check(compose(overrides))
    assert str(refused.value) == sentence
